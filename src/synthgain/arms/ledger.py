"""How often the test split of some data was predicted: a fact of this workspace, not of any artifact."""

import hashlib
import json
from pathlib import Path

from synthgain.artifact import replace_bytes
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

LEDGER = "test_uses.jsonl"


def record_test_use(paths: Paths, images: ImageSet, confirmed: str) -> int:
    """Note that the test split of ``images`` is about to be predicted; returns how often that was done.

    A line per use; the same confirmation (digest ``confirmed``) again, after a crash or a lost cache, is the same use.
    The test images themselves are what counts, so a changed training set does not start a new count.
    """
    test, path = _test_images(images), paths.state / LEDGER
    uses = _uses(path, test)
    if confirmed not in uses:
        lines = path.read_text().splitlines() if path.is_file() else []
        lines.append(json.dumps({"dataset": images.sha256, "test": test, "confirmed": confirmed}))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, "".join(line + "\n" for line in lines).encode())
    return len(uses | {confirmed})


def test_uses(paths: Paths, images: ImageSet) -> int:
    """How often the test split of ``images`` was predicted in this workspace."""
    return len(_uses(paths.state / LEDGER, _test_images(images)))


def _test_images(images: ImageSet) -> str:
    return hashlib.sha256(images.images[images.rows("test")].tobytes()).hexdigest()


def _uses(path: Path, test: str) -> set[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return {use["confirmed"] for use in map(json.loads, lines) if use["test"] == test}

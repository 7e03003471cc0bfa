"""How often the test split of some data was predicted: a fact of this workspace, not of any artifact."""

import hashlib
import json
from pathlib import Path

from synthgain.artifact import replace_bytes
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

LEDGER = "test_uses.jsonl"
CONFIRMATION, CURVE = "confirmation", "learning curve"
"""What the test split is predicted for: to compare arms, or to see how the real baseline learns."""


def record_test_use(paths: Paths, images: ImageSet, use: str, kind: str = CONFIRMATION) -> int:
    """Note that the test split of ``images`` is about to be predicted; returns how often that was done for this kind.

    A line per use; the same one (digest ``use``) again, after a crash or a lost cache, does not count. The test images
    as they were stored are what counts, so neither a changed training set nor another size starts a new count.
    """
    test, path = _test_images(images), paths.state / LEDGER
    uses = _uses(path, test, kind)
    if use not in uses:
        lines = path.read_text().splitlines() if path.is_file() else []
        lines.append(json.dumps({"dataset": images.sha256, "test": test, "kind": kind, "confirmed": use}))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, "".join(line + "\n" for line in lines).encode())
    return len(uses | {use})


def test_uses(paths: Paths, images: ImageSet, kind: str) -> int:
    """How often the test split of ``images`` was predicted for this in this workspace."""
    return len(_uses(paths.state / LEDGER, _test_images(images), kind))


def _test_images(images: ImageSet) -> str:
    stored = images.table["stored_sha256"].iloc[images.rows("test")]
    return hashlib.sha256("".join(sorted(stored)).encode()).hexdigest()


def _uses(path: Path, test: str, kind: str) -> set[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    noted = map(json.loads, lines)  # a line without a kind was written when confirmations alone were counted
    return {each["confirmed"] for each in noted if (each["test"], each.get("kind", CONFIRMATION)) == (test, kind)}

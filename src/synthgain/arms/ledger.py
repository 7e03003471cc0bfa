"""How often the test split of some data was predicted: a fact of this workspace, not of any artifact."""

import hashlib
import json

from synthgain.artifact import replace_bytes
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

LEDGER = "test_uses.jsonl"


def record_test_use(paths: Paths, images: ImageSet, confirmed: str) -> int:
    """Note that the test split of ``images`` is about to be predicted; returns how often that was done.

    A line per use; the same confirmation (digest ``confirmed``) again, after a crash or a lost cache, is the same use.
    The test images themselves are what counts, so a changed training set does not start a new count.
    """
    test = hashlib.sha256(images.images[images.rows("test")].tobytes()).hexdigest()
    path = paths.state / LEDGER
    lines = path.read_text().splitlines() if path.is_file() else []
    uses = {use["confirmed"] for use in map(json.loads, lines) if use["test"] == test}
    if confirmed not in uses:
        lines.append(json.dumps({"dataset": images.sha256, "test": test, "confirmed": confirmed}))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, "".join(line + "\n" for line in lines).encode())
    return len(uses | {confirmed})

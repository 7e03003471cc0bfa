"""A user's folder outside the workspace: a file that is added there makes the same command run again."""

from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_a_file_added_outside_the_workspace_is_noticed(fresh: Any, tmp_path: Path) -> None:
    for number in range(60):
        picture(tmp_path / "mri" / "ab"[number % 2] / f"{number}.png", number)
    command = (
        "run", "+size=smoke", "dataset=folder", f"dataset.path={tmp_path / 'mri'}", "dataset.image.size=16",
        "dataset.budget=null", "generator=[]",
    )  # fmt: skip
    assert "Verdict: inconclusive" in fresh.run(*command)
    assert "nothing has changed" in fresh.run(*command)
    before = fresh.hashes()["ingest"]
    picture(tmp_path / "mri" / "a" / "new.png", 99)
    process = fresh.start(*command)
    printed = list(takewhile(lambda line: "Running stage 'validate'" not in line, process.stdout))
    assert any("Running stage 'ingest'" in line for line in printed)
    process.terminate()
    assert "stopped on request; the same command goes on from here" in process.communicate(timeout=600)[0]
    assert fresh.hashes()["ingest"] != before

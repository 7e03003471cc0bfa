"""Progress of long work: bars on a terminal, lines elsewhere, and bars again where a run reads a stage's lines."""

import os
import pty
import subprocess
import sys
from pathlib import Path

STAGE = """
from synthgain.progress import bar
with bar("decode", 3) as progress:
    for number in range(3):
        progress.advance(note=f"loss 0.{number}")
"""
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from terminal import Watch
with Watch(run=None) as watch:
    watch.progress("train", "::progress\\tedm\\t2\\t3\\tloss 0.1", None)
    watch.progress("train", "::progress\\tedm\\t3\\t3\\tloss 0.2", None)
"""


def seen_on_a_terminal(program: str, *arguments: str) -> str:
    """What a person sees who runs the program."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment, stdout=theirs, stderr=theirs):
        os.close(theirs)
        seen = b""
        while True:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    return seen.decode()


def test_on_a_terminal_it_is_a_bar_with_count_and_note() -> None:
    seen = seen_on_a_terminal(STAGE)
    assert "━" in seen
    for said in ("decode", "3/3", "loss 0.2"):
        assert said in seen
    assert "::progress" not in seen


def test_elsewhere_it_is_the_first_and_the_last_line() -> None:
    printed = subprocess.run([sys.executable, "-c", STAGE], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["::progress\tdecode\t1\t3\tloss 0.0", "::progress\tdecode\t3\t3\tloss 0.2"]


def test_a_run_makes_bars_of_the_lines_of_its_stages(root: Path) -> None:
    seen = seen_on_a_terminal(RUN, str(root / "flows"))
    for said in ("train: edm", "━", "3/3", "loss 0.2"):
        assert said in seen

"""Time and memory of the main job: each stage, the whole, and an unchanged re-run, in a fresh copy of the project.

Run: ``python benchmarks/main_job.py [overrides]``. Memory is the proportional set size of all processes of the run,
sampled every two seconds, which takes little of the cores. A stage's time includes DVC's work for it, which is forked
like the stage from a process that has imported the libraries. Stages run beside one another, so the times add up to
more than the whole. Of the commands that should answer at once, the median of five calls.
"""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "main_job.json"
QUICK = {"--help": ["--help"], "compose": ["compose"], "run --dry-run": ["run", "--dry-run"]}
DONE = re.compile(r"- ([\w@]+) \| (?:done|nothing to do) in ([\d.]+) s")


def memory(run: int) -> float:
    """Proportional set size in MiB of every process of the run ``run``."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            mine = entry.name == str(run) or f"SYNTHGAIN_RUN={run}".encode() in (entry / "environ").read_bytes()
            if mine:
                rollup = (entry / "smaps_rollup").read_text()
                total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
        except (OSError, TypeError):
            continue
    return total / 1024


def start(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    """``synthgain`` with its output as a pipe."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "synthgain.cli", *arguments], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def quick(folder: Path, arguments: list[str]) -> float:
    """Wall seconds, the median of five calls."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        process = start(folder, arguments)
        printed, _ = process.communicate()
        if process.returncode:
            sys.exit(printed)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def run(folder: Path, arguments: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak MiB and output of one ``synthgain run``."""
    began, peak, alive = time.perf_counter(), 0.0, True
    process = start(folder, ["run", *arguments])

    def watch() -> None:
        nonlocal peak
        while alive:
            peak = max(peak, memory(process.pid))
            time.sleep(2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed, _ = process.communicate()
    alive = False
    watcher.join()
    if process.returncode:
        sys.exit(printed)
    return time.perf_counter() - began, peak, printed


def main() -> None:
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("conf", "flows", "src"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for part in ("dvc.yaml", ".dvcignore"):
            shutil.copy(ROOT / part, folder / part)
        wall, peak, printed = run(folder, arguments)
        again, peak_again, _ = run(folder, arguments)
        answers = {name: quick(folder, words) for name, words in QUICK.items()}
    stages = {stage: float(seconds) for stage, seconds in DONE.findall(printed)}
    for stage, seconds in stages.items():
        print(f"{stage:28}{seconds:8.1f} s")
    print(f"{'whole run':28}{wall:8.1f} s   peak {peak:.0f} MiB")
    print(f"{'unchanged re-run':28}{again:8.1f} s   peak {peak_again:.0f} MiB   ratio {wall / again:.0f} : 1")
    for name, seconds in answers.items():
        print(f"{'synthgain ' + name:28}{seconds:8.2f} s")
    print(re.search(r"^Verdict: .*", printed, re.MULTILINE)[0])
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({
        "command": " ".join(["synthgain", "run", *arguments]),
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "stage_seconds": stages, "wall_seconds": round(wall, 1), "peak_mib": round(peak),
        "unchanged_wall_seconds": round(again, 1), "ratio": round(wall / again, 1),
        "answer_seconds": {name: round(seconds, 2) for name, seconds in answers.items()},
    }, indent=1) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()

"""Ingest: images per second against a plain Pillow loop, and peak memory as the number of images grows.

Run: python benchmarks/ingest.py            (about ten minutes on 2 cores; draws its inputs)
Writes: benchmarks/results/ingest.json

The plain loop opens, turns grey, resizes and keeps an array, in one process. Ingest does all that it does in a run:
decode with checks, hashes, thumbnails, near-duplicate search, split, writing. Memory is the sum of the
peaks of all its processes, pages that they share included.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from synthgain.lineage import environment

if TYPE_CHECKING:
    from synthgain.config import Config

RESULTS = Path(__file__).parent / "results" / "ingest.json"
SIZE = 32
WORKERS = 2


def draw(folder: Path, count: int, side: int, kind: str) -> None:
    """``count`` distinct grey images of two classes: smooth structure and a little noise, as in MR."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / ("even", "odd")[number % 2] / f"{number:06d}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (10, 10), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(smooth + random.integers(-3, 4, (side, side), dtype=np.int16), 0, 255).astype(np.uint8)
        content = BytesIO()
        Image.fromarray(noisy).save(content, "JPEG" if kind == "jpg" else "PNG", quality=90)
        path.write_bytes(content.getvalue())


def plain_loop(folder: Path) -> None:
    images = []
    for path in sorted(folder.rglob("*.*")):
        images.append(np.asarray(Image.open(path).convert("L").resize((SIZE, SIZE))))
    np.stack(images)


def settings(folder: Path) -> "Config":
    from synthgain.config import load

    values = {
        "dataset": {
            "name": "bench", "source": {"kind": "folder"}, "raw": str(folder), "image": {"size": SIZE}
        },
        "generators": {}, "classifier": {"kind": "cnn"}, "compute": {"workers": WORKERS},
    }  # fmt: skip
    return load(values)


def measured(task: str, folder: Path, workspace: Path, watch: bool = False) -> tuple[float, float]:
    """Seconds of the task in a process of its own and, if it is watched, peak memory in MiB with all its children."""
    command = [sys.executable, __file__, "--task", task, str(folder), str(workspace)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True)
    peaks: dict[str, int] = {}
    while process.poll() is None:
        peaks |= _peaks(process.pid) if watch else {}
        time.sleep(0.02)
    output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{task} failed")
    return float(output.strip().splitlines()[-1]), sum(peaks.values()) / 2**10


def _peaks(session: int) -> dict[str, int]:
    """Process id to peak resident memory in KiB (the kernel's own high-water mark) of all processes of a session."""
    peaks = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session:
                    lines = Path(entry.path, "status").read_text().splitlines()
                    peaks[entry.name] = int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
            except (OSError, StopIteration):  # it ended meanwhile
                continue
    return peaks


def run_task(task: str, folder: Path, workspace: Path) -> None:
    if task == "plain":
        start = time.perf_counter()
        plain_loop(folder)
    else:
        from synthgain.compute import limit_threads
        from synthgain.paths import Paths
        from synthgain.stages import ingest

        cfg = settings(folder)  # imports are not what is measured
        limit_threads(cfg.compute.threads)
        start = time.perf_counter()
        ingest.run(cfg, Paths(workspace))
    print(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs=3, metavar=("TASK", "FOLDER", "WORKSPACE"), help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, default=2000, help="PNG files of 512 pixels; more of the faster formats")
    parser.add_argument("--memory", type=int, nargs="*", default=[1000, 10_000, 50_000], help="numbers of images")
    parser.add_argument("--repeats", type=int, default=3, help="runs per case, taken in turn; the fastest counts")
    arguments = parser.parse_args()
    if arguments.task:
        run_task(arguments.task[0], Path(arguments.task[1]), Path(arguments.task[2]))
        return
    result: dict = {
        "machine": {"cpu_count": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
        "settings": {"target_size": SIZE, "workers": WORKERS, "repeats": arguments.repeats},
        "speed": [], "memory": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        for kind, side, times in (("png", 512, 1), ("jpg", 512, 2), ("png", 256, 3), ("png", 128, 5)):
            result["speed"].append(compare(Path(temporary), kind, side, times * arguments.images, arguments.repeats))
        for count in arguments.memory:
            folder = Path(temporary) / f"memory-{count}"
            draw(folder, count, 64, "png")
            seconds, peak = measured("ingest", folder, Path(temporary) / f"workspace-{count}", watch=True)
            result["memory"].append({"images": count, "seconds": round(seconds, 2), "peak_MiB": round(peak, 1)})
            print(
                "{images:>7} images of 64 x 64 png: {seconds:8.1f} s, peak {peak_MiB:7.1f} MiB".format(
                    **result["memory"][-1]
                )
            )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def compare(temporary: Path, kind: str, side: int, count: int, repeats: int) -> dict:
    folder = temporary / f"{kind}-{side}"
    draw(folder, count, side, kind)
    seconds: dict[str, list[float]] = {"plain": [], "ingest": []}
    for _ in range(repeats):
        for task, runs in seconds.items():
            runs.append(measured(task, folder, temporary / "workspace")[0])
    plain, ours = (count / min(seconds[task]) for task in ("plain", "ingest"))
    row = {
        "format": kind, "side": side, "images": count, "plain_images_per_s": round(plain, 1),
        "ingest_images_per_s": round(ours, 1), "ratio": round(ours / plain, 2),
    }  # fmt: skip
    print(
        "{format} {side}: plain loop {plain_images_per_s} images/s, ingest {ingest_images_per_s}, ratio {ratio}".format(
            **row
        )
    )
    return row


if __name__ == "__main__":
    main()

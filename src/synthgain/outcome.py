"""The end of a run in a few lines: gain table, verdict, where to look."""

import shutil
import sys
from pathlib import Path
from typing import Any

from synthgain import artifact, dataset
from synthgain.arms import ledger
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.report import material


def gains(paths: Paths) -> dict[str, Any]:
    """The evaluation's result, verified."""
    found: dict[str, Any] = artifact.read(paths.out("evaluate")).json("gains.json")
    return found


def verdict(paths: Paths) -> str:
    """``Verdict: <word> ...``, the line that answers the user's question."""
    found = gains(paths)["verdict"]
    return f"Verdict: {found['sentence']}"


def untrusted(paths: Paths) -> str | None:
    """A warning where the data allow no conclusion, such as a leak that was let in on purpose."""
    why = artifact.read(paths.out("report")).json("gate.json")["untrusted"]
    return f"WARNING: these numbers mean nothing: {why}" if why else None


def result(paths: Paths) -> str:
    """The identity of the report, and so of all that led to it."""
    return artifact.read(paths.out("report")).sha256


def report(paths: Paths) -> Path:
    """The report's page."""
    return artifact.read(paths.out("report")).file("report.html").resolve()


def outdated(paths: Paths, cfg: Config) -> str | None:
    """What does not belong together, in words: the outputs here, or these and ``params.yaml``. None: all is one run's.

    The report is the last stage; it notes the configuration and the outputs that it was made from.
    """
    written = artifact.read(paths.out("report")).manifest
    if written["config"] != material.shown_config(cfg):
        return "params.yaml has changed since the report was made"
    now = material.hashes(cfg, paths)
    changed = sorted(name for name in now if written["inputs"].get(name) != now[name])
    return f"made again since the report was: {', '.join(changed)}" if changed else None


def rows(paths: Paths) -> list[dict[str, Any]]:
    """A row per contrast, for tables: percentage points."""
    found = gains(paths)
    return [
        {
            "candidate": contrast["candidate"], "baseline": contrast["baseline"],
            **{key: _points(contrast.get(key)) for key in ("difference", "low", "high", "minimum_detectable_gain")},
            "p": contrast.get("p_holm", contrast.get("p")), "word": contrast["word"],
        }
        for contrast in [found["headline"], *found["secondary"]]
    ]  # fmt: skip


def _points(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def test_uses(paths: Paths, cfg: Config, kind: str) -> int:
    """How often the test images were predicted for this in this workspace; of several cells, the most of any."""
    sets = [dataset.read(paths.at(cell).out("ingest")) for cell in cfg.cells]
    return max(ledger.test_uses(paths, images, kind) for images in sets)


def _program() -> str:
    """How this shell calls ``synthgain``: by its name, or by its path where the environment is not active."""
    return "synthgain" if shutil.which("synthgain") else str(Path(sys.executable).with_name("synthgain"))


def summary(paths: Paths, cfg: Config, mlflow_run: str) -> str:
    """What ``synthgain run`` prints last."""
    from synthgain.evaluation.gain import table

    uses, curve = (test_uses(paths, cfg, kind) for kind in (ledger.CONFIRMATION, ledger.CURVE))
    warning = untrusted(paths)
    return "\n".join([
        table(gains(paths)), "", *([warning] if warning else []), verdict(paths), "",
        f"Test split predicted {uses} time{'s' if uses > 1 else ''} in this workspace"
        + (f", and {curve} time{'s' if curve > 1 else ''} for a learning curve" if curve else ""),
        f"Report:  {report(paths)}",
        f"MLflow:  {_program()} ui, then {mlflow_run}",
    ])  # fmt: skip

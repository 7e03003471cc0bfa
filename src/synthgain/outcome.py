"""The end of a run in a few lines: gain table, verdict, where to look."""

from pathlib import Path
from typing import Any

from synthgain import artifact
from synthgain.paths import Paths


def gains(paths: Paths) -> dict[str, Any]:
    """The evaluation's result, verified."""
    found: dict[str, Any] = artifact.read(paths.out("evaluate")).json("gains.json")
    return found


def verdict(paths: Paths) -> str:
    """``Verdict: <word> ...``, the line that answers the user's question."""
    found = gains(paths)["verdict"]
    return f"Verdict: {found['sentence']}"


def report(paths: Paths) -> Path:
    """The report's page."""
    return artifact.read(paths.out("report")).file("report.html").resolve()


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


def summary(paths: Paths, mlflow_run: str) -> str:
    """What ``synthgain run`` prints last."""
    from synthgain.evaluation.gain import table

    return "\n".join([
        table(gains(paths)), "", verdict(paths), "",
        f"Report:  {report(paths)}",
        f"MLflow:  synthgain ui, then {mlflow_run}",
    ])  # fmt: skip

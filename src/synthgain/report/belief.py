"""Why the verdict can be believed, and how far: what could mislead, and what stands against it in this study."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthgain.arms.arm import SHUFFLED, parse
from synthgain.evaluation.verdict import GAIN
from synthgain.report.tables import Row, Table
from synthgain.report.wording import p_value, points, share, shown

CALIBRATED = "src/synthgain/report/calibrated.json"
"""In the project: what `synthgain calibrate` found of the rule; see `synthgain.calibration.page`."""
_CONTROLS = {
    "oracle": "fresh true images, what perfect synthesis would bring",
    "duplicate": "real images once more; no gain is to be had from them but by more passes",
    "noise": "images of noise; they must not help",
    SHUFFLED: "the candidate's images under wrong labels; were they as good as under their own, content did not matter",
}


def table(
    gains: Mapping[str, Any],
    plan: Mapping[str, Any],
    scores: pd.DataFrame,
    validation: Mapping[str, Any],
    untrusted: str | None,
) -> Table:
    """A row for each thing that could mislead; ``untrusted``: what the gate finds wrong with the data."""
    headline = gains["headline"]
    rates = json.loads(Path(__file__).with_name("calibrated.json").read_text())
    rows = [
        Row(["The same patients on both sides", _apart(validation, untrusted)]),
        Row([
            "A comparison picked after the results",
            f"arms, margin (±{points(headline['margin'], signed=False)} points), level and limits of subgroups were "
            f"declared on validation before the arms predicted the test images; digest {plan['declared'][:12]}. "
            "How many comparisons this workspace confirmed on them is counted: last line of a run, test_uses in MLflow",
        ]),
        Row(["A weak opponent", _opponents(gains, scores)]),
        Row([
            "The luck of a training",
            f"{gains['seeds']} fresh seeds, the same for both sides; sign-flip test over seeds: p "
            f"{shown(headline, 'p_sign_flip', p_value)}",
        ]),
        Row([
            "Too few patients",
            f"{gains['n_groups']:,} test patients or groups; smallest gain it could detect: "
            f"{shown(headline, 'minimum_detectable_gain', lambda value: points(value, signed=False) + ' points')}",
        ]),
        *[Row([f"Control: {name}", said]) for name, said in _controls(gains)],
        Row(["A rule that finds gains everywhere", _rule(rates)]),
    ]  # fmt: skip
    return Table(["What could mislead", "What stands against it here"], rows, text=frozenset([1]))


def _apart(validation: Mapping[str, Any], untrusted: str | None) -> str:
    if untrusted:
        return f"{untrusted}; the numbers mean nothing"
    count = len(validation["checks"])
    return f"{count} checks of the data, among them that no patient and no near-copy stands in two splits"


def _opponents(gains: Mapping[str, Any], scores: pd.DataFrame) -> str:
    names = scores["arm"].drop_duplicates()
    plain = [name for name in names if parse(name).generator is None or parse(name).control == "duplicate"]
    return (
        f"the best on validation of {len(plain)} ways to train without synthetic images was compared with: "
        f"{gains['headline']['baseline']}; every arm had the same steps and as many tries at tuning"
    )


def _controls(gains: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    found = []
    for contrast in gains["secondary"]:
        control = parse(contrast["candidate"]).control
        if control in _CONTROLS and contrast["difference"] is not None:
            size = f"{points(contrast['difference'])} points ({points(contrast['low'])} to {points(contrast['high'])})"
            seen = "; this study could see a gain" if (control, contrast["word"]) == ("oracle", GAIN) else ""
            found.append((contrast["candidate"], f"{contrast['word']} at {size}: {_CONTROLS[control]}{seen}"))
    return found


def _rule(found: Mapping[str, Any]) -> str:
    least, most = found["coverage"]
    return (
        f"in {found['studies']:,} simulated studies of each of {found['scenarios']} kinds it said gain without a true "
        f"one in at most {share(found['false_gain_rate'])}, its intervals held the truth in {share(least)} to "
        f"{share(most)}, and it found a gain of the printed smallest size in at least {share(found['power_at_mdg'])}"
    )


def calibrated(found: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `CALIBRATED` from that of ``calibration.json``: the worst over all kinds that bind the rule."""
    bound = [each for each in found["scenarios"] if each["bound"]]
    coverage = [each[name]["rate"] for each in bound for name in ("coverage", "coverage_at_mdg")]
    return {
        "studies": found["settings"]["studies"], "scenarios": len(bound),
        "false_gain_rate": max(each["false_gain_rate"]["rate"] for each in bound),
        "coverage": [min(coverage), max(coverage)],
        "power_at_mdg": min(each["power_at_mdg"]["rate"] for each in bound),
    }  # fmt: skip

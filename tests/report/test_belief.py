"""Why the verdict can be believed: every row is of the study at hand."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from synthgain.report import belief

SCORES = pd.DataFrame({"arm": ["classic", "oversample", "duplicate-r1", "synthetic-edm-r1", "pretrain-edm"]})
PLAN = {"declared": "0123456789abcdef"}


@pytest.fixture
def rows(toy: ModuleType) -> dict[str, str]:
    table = belief.table(toy.gains(), PLAN, SCORES, toy.VALIDATION, None)
    return {str(row.cells[0]): str(row.cells[1]) for row in table.rows}


def test_what_was_declared_compared_and_trained_is_said(rows: dict[str, str]) -> None:
    assert "digest 0123456789ab" in rows["A comparison picked after the results"]
    assert "the best on validation of 3 ways to train without synthetic images" in rows["A weak opponent"]
    assert "8 fresh seeds" in rows["The luck of a training"]
    assert "3 checks of the data" in rows["The same patients on both sides"]


def test_each_control_that_was_confirmed_has_its_row_and_no_other(toy: ModuleType, rows: dict[str, str]) -> None:
    controls = {name.removeprefix("Control: ") for name in rows if name.startswith("Control: ")}
    secondary = {each["candidate"] for each in toy.gains()["secondary"]}
    assert controls == secondary & {"oracle", "duplicate", "noise"}
    assert controls
    assert all("points" in rows[f"Control: {name}"] for name in controls)


def test_what_is_wrong_with_the_data_takes_the_belief_away(toy: ModuleType) -> None:
    table = belief.table(toy.gains(), PLAN, SCORES, toy.VALIDATION, "the split leaks: 5 of 9 test images")
    assert table.rows[0].cells[1] == "the split leaks: 5 of 9 test images; the numbers mean nothing"


@pytest.mark.parametrize(("word", "seen"), [("gain", True), ("inconclusive", False)])
def test_only_an_oracle_that_gained_shows_that_a_gain_could_be_seen(toy: ModuleType, word: str, seen: bool) -> None:
    gains = toy.gains()
    (oracle,) = (each for each in gains["secondary"] if each["candidate"] == "oracle")
    oracle["word"] = word
    rows = {
        str(row.cells[0]): str(row.cells[1]) for row in belief.table(gains, PLAN, SCORES, toy.VALIDATION, None).rows
    }
    assert ("this study could see a gain" in rows["Control: oracle"]) == seen


def test_the_rates_of_the_rule_are_those_of_the_calibration_page(root: Path, rows: dict[str, str]) -> None:
    measured: dict[str, Any] = json.loads((root / "docs" / "results" / "calibration.json").read_text())
    known = json.loads((root / belief.CALIBRATED).read_text())
    assert known == belief.calibrated(measured), "run 'synthgain calibrate' again"
    assert known["false_gain_rate"] <= measured["targets"]["false_gain_rate"]["at_most"]
    worst = f"at most {100 * known['false_gain_rate']:.1f} %"
    assert worst in rows["A rule that finds gains everywhere"]

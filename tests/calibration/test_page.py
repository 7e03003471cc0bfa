"""The page shows every rate, passes and failures alike, from its JSON alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from synthgain.calibration import page
from synthgain.calibration.rates import TARGETS
from synthgain.calibration.scenarios import SCENARIOS
from synthgain.known_answers import EXPECTED


def rate(value: float) -> dict[str, Any]:
    return {"count": int(2000 * value), "studies": 2000, "rate": value, "low": value - 0.01, "high": value + 0.01}


def scenario(name: str, *, false: float = 0.02, bound: bool = True) -> dict[str, Any]:
    names = ("coverage", "coverage_at_mdg", "coverage_bca", "coverage_bca_at_mdg")
    return {
        "name": name, "about": f"about {name}", "bound": bound, "studies": 2000, "false_gain_rate": rate(false),
        "false_loss_rate": rate(0.017), **{each: rate(0.955) for each in names}, "power_at_mdg": rate(0.81),
        "no_difference_at_margin": rate(0.012), "not_estimable": 0, "bca_not_estimable": 0,
        "bias": {"mean": 0.0012, "low": -0.003, "high": 0.0054},
        "minimum_detectable_gain": {"low": 0.021, "median": 0.03, "high": 0.045},
        "met": dict.fromkeys(TARGETS, True) | {"false_gain_rate": false <= 0.035} if bound else None,
    }  # fmt: skip


@pytest.fixture
def found() -> dict[str, Any]:
    return {
        "study": "calibration", "targets": TARGETS,
        "scenarios": [scenario("usual"), scenario("foil", false=0.2, bound=False)],
        "settings": {
            "studies": 2000, "replicates": 1000, "level": 0.95, "margin": 0.02, "accuracy": 0.75, "auroc": 0.85,
        },
        "run": {"command": "synthgain calibrate", "commit": "0123abc", "hardware": "2 cores", "wall_seconds": 600},
    }  # fmt: skip


def test_the_page_is_a_function_of_the_json_beside_it(found: dict[str, Any], tmp_path: Path) -> None:
    page.write(found, tmp_path)
    assert (
        page.markdown(json.loads((tmp_path / "calibration.json").read_text()))
        == (tmp_path / "calibration.md").read_text()
    )
    assert (tmp_path / "calibration.svg").read_bytes().startswith(b"<?xml")


def test_met_targets_pass_and_foils_are_held_to_none(found: dict[str, Any]) -> None:
    text = page.markdown(found)
    assert "at most 3.5 % | 2.0 % to 2.0 % | 1 of 1 | pass" in text
    assert "93 to 99 % | 95.5 % to 95.5 % | 1 of 1 | pass" in text
    assert "at least 75 % | 81.0 % to 81.0 % | 1 of 1 | pass" in text
    assert "'No difference' where the true gain equals the margin | at most 5 % | 1.2 % to 1.2 %" in text
    assert "| foil | 20.0 % (19.0 to 21.0)" in text
    assert text.index("usual") < text.index("What its conditions exclude") < text.index("| foil |")
    for part in (
        "+0.1 (-0.3 to +0.5)",
        "3.0 (2.1 to 4.5)",
        "`0123abc`",
        "2 cores, 10.0 minutes",
        "synthgain calibrate",
    ):
        assert part in text


def test_a_missed_target_is_shown_as_loudly(found: dict[str, Any]) -> None:
    found["scenarios"].append(scenario("worse", false=0.05))
    text = page.markdown(found)
    assert "2.0 % to 5.0 % | 1 of 2 | **fail**" in text
    assert "| worse | **5.0 %** (4.0 to 6.0)" in text


def test_a_share_of_fewer_studies_than_all_says_of_how_many(found: dict[str, Any]) -> None:
    assert "2.0 % (1.0 to 3.0)" in page.markdown(found)
    found["scenarios"][0]["false_gain_rate"] |= {"studies": 912}
    assert "2.0 % of 912 (1.0 to 3.0)" in page.markdown(found)


def test_what_is_not_estimable_is_shown(found: dict[str, Any]) -> None:
    assert "verdicts: none; accelerated intervals: none." in page.markdown(found)
    found["scenarios"][0] |= {"not_estimable": 7, "bca_not_estimable": 12}
    text = page.markdown(found)
    assert "verdicts: usual 7 of 6,000; accelerated intervals: usual 12 of 6,000." in text


def test_studies_drawn_from_real_trainings_have_a_section_with_the_same_targets(found: dict[str, Any]) -> None:
    assert "drawn from real trainings" not in page.markdown(found)
    pool = scenario("real trainings", false=0.05) | {
        "arms": ["oracle", "classic"], "trainings": 32, "seeds": 8, "patients": 256, "truth_at_mdg": 0.0412,
        "truth_at_margin": 0.0199,
    }  # fmt: skip
    text = page.markdown(found | {"pool": pool}).partition("drawn from real trainings")[2]
    assert "32 trainings of `classic`, as many of `oracle`, and the 256 test patients" in text
    assert "+4.1 points, where studies print 3.0 as detectable, and +2.0 for a margin of 2.0" in text
    assert "at most 3.5 % | 5.0 % to 5.0 % | 0 of 1 | **fail**" in text
    assert "| real trainings | **5.0 %** (4.0 to 6.0)" in text
    assert len(page.figure(found | {"pool": pool}).axes[0].get_yticks()) == 3


def test_studies_with_real_training_have_their_section_where_there_are_any(found: dict[str, Any]) -> None:
    assert "With real training" not in page.markdown(found)
    rows = [
        {"arm": "oracle", "expected": "gain", "word": "gain", "difference": 0.088},
        {"arm": "noise", "expected": "no gain", "word": "gain", "difference": 0.03},
    ]
    text = page.markdown(found | {"trained": {"about": "The phantom at small size.", "rows": rows}})
    assert "| oracle | gain | gain | +8.8 | pass |" in text
    assert "| noise | no gain | gain | +3.0 | **fail** |" in text


def test_the_committed_page_is_made_from_the_committed_numbers(root: Path) -> None:
    folder = root / "docs" / "results"
    assert (
        page.markdown(json.loads((folder / "calibration.json").read_text())) == (folder / "calibration.md").read_text()
    )


def test_the_committed_page_is_of_the_present_scenarios_and_controls(root: Path) -> None:
    committed = json.loads((root / "docs" / "results" / "calibration.json").read_text())
    shown = [(each["name"], each["about"], each["bound"]) for each in committed["scenarios"]]
    assert shown == [(each.name, each.about, each.bound) for each in SCENARIOS], "run 'synthgain calibrate' again"
    trained = {each["arm"]: each["expected"] for each in committed["trained"]["rows"]}
    assert trained == EXPECTED, "run 'synthgain calibrate --trained' again"

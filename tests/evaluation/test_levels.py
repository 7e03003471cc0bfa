"""Other levels of labels: one family of contrasts, corrected for its number."""

from dataclasses import replace
from typing import Any

import pytest

from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.levels import beside
from synthgain.evaluation.statistics import Components
from synthgain.evaluation.verdict import Rule
from synthgain.schema import QUICK_LOOK

RULE = Rule(level=0.95, margin=0.02, min_seeds=6, min_groups=20, single_split=QUICK_LOOK)
FOUND = Components(groups=4e-5, seeds=5e-4, n_groups=60, n_seeds=8, fitted=4, total=5e-5)


def record(
    p: float | None, word: str, low: float = 0.01, high: float = 0.09, *, components: Components = FOUND,
    folds: int = 1,
) -> dict[str, Any]:  # fmt: skip
    headline = {
        "candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "p": p, "word": word,
        "difference": (low + high) / 2, "low": low, "high": high, "equivalence_low": low, "equivalence_high": high,
        "p_bootstrap": p, "p_sign_flip": p, "reasons": [], "components": vars(components), "replicates": 10_000,
        "minimum_detectable_gain": minimum_detectable_gain(components, 0.95),
    }  # fmt: skip
    verdict = {"word": word, "sentence": f"{word}: as if alone", "reasons": [], "condition": "conditional on it"}
    parts = [{"candidate": "a", "baseline": "b"}] * folds if folds > 1 else []
    return {
        "headline": headline, "verdict": verdict, "seeds": components.n_seeds, "n_groups": components.n_groups,
        "n_test": 200, "folds": parts,
    }  # fmt: skip


def words(**levels: dict[str, Any]) -> dict[str, str]:
    found = beside(record(0.04, "gain"), levels, RULE)
    assert found["headline"]["word"] == "gain", "the claim needs no correction"
    for each in found["levels"].values():
        assert each["verdict"]["word"] == each["headline"]["word"]
        assert each["verdict"]["sentence"].startswith(each["verdict"]["word"])
    return {level: each["headline"]["word"] for level, each in found["levels"].items()}


def test_a_single_other_level_needs_no_correction() -> None:
    assert words(ten=record(0.04, "gain")) == {"ten": "gain"}


def test_words_that_the_correction_does_not_bear_are_taken_back() -> None:
    found = words(ten=record(0.04, "gain"), fifty=record(0.03, "loss", -0.09, -0.01), quarter=record(0.001, "gain"))
    assert found == {"ten": "inconclusive", "fifty": "inconclusive", "quarter": "gain"}


def test_within_the_margin_it_becomes_no_difference() -> None:
    near = record(0.04, "gain", 0.001, 0.015)
    assert words(ten=near, fifty=record(0.6, "inconclusive"))["ten"] == "no difference"


def test_what_is_not_estimable_stays_out_of_the_family() -> None:
    assert words(ten=record(None, "inconclusive"), fifty=record(0.04, "gain")) == {
        "ten": "inconclusive", "fifty": "gain",
    }  # fmt: skip


def test_a_word_that_is_taken_back_says_why_and_keeps_the_condition() -> None:
    found = beside(record(0.04, "gain"), {"10": record(0.04, "gain"), "50": record(0.5, "gain")}, RULE)["levels"]["10"]
    assert found["headline"]["p_holm"] == pytest.approx(0.08)
    assert any("Holm's p = 0.080" in reason for reason in found["verdict"]["reasons"])
    assert "conditional on it" in found["verdict"]["sentence"]


def test_what_a_level_could_have_called_a_gain_is_corrected_like_its_p() -> None:
    levels = {"10": record(0.04, "gain"), "50": record(0.5, "gain"), "25": record(None, "inconclusive")}
    found = beside(record(0.04, "gain"), levels, RULE)
    alone, of_two = (minimum_detectable_gain(FOUND, 0.95, family=family) for family in (1, 2))
    assert found["headline"]["minimum_detectable_gain"] == alone
    assert found["levels"]["10"]["headline"]["minimum_detectable_gain"] == of_two > alone
    assert f"minimum detectable gain {100 * of_two:.1f} points" in found["levels"]["10"]["verdict"]["sentence"]


def test_where_no_level_could_have_been_called_a_gain_it_says_why() -> None:
    six = replace(FOUND, n_seeds=6)
    levels = {"10": record(0.03125, "gain", components=six), "50": record(0.5, "gain", components=six)}
    headline = beside(record(0.04, "gain", components=six), levels, RULE)["levels"]["10"]["headline"]
    assert (headline["word"], headline["minimum_detectable_gain"]) == ("inconclusive", None)
    assert "corrected for 2 comparisons" in headline["minimum_detectable_gain_why"]
    for each in levels.values():
        each["headline"] |= {"components": vars(FOUND), "replicates": 60}
    headline = beside(record(0.04, "gain"), levels, RULE)["levels"]["10"]["headline"]
    assert headline["minimum_detectable_gain_why"].startswith("with 60 replicates the bootstrap cannot reach")


@pytest.mark.parametrize(("folds", "word"), [(1, "inconclusive"), (5, "gain")])
def test_few_patients_carry_a_level_only_where_every_one_of_them_tests(folds: int, word: str) -> None:
    few = record(0.01, "gain", components=replace(FOUND, n_groups=30), folds=folds)
    assert words(ten=few) == {"ten": word}

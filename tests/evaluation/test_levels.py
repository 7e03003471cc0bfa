"""Other levels of labels: one family of contrasts, corrected for its number."""

from typing import Any

import pytest

from synthgain.evaluation.levels import beside
from synthgain.evaluation.verdict import Rule

RULE = Rule(level=0.95, margin=0.02, min_seeds=6, min_groups=20)


def record(p: float | None, word: str, low: float = 0.01, high: float = 0.09) -> dict[str, Any]:
    headline = {
        "candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "p": p, "word": word,
        "difference": (low + high) / 2, "low": low, "high": high, "equivalence_low": low, "equivalence_high": high,
        "p_bootstrap": p, "p_sign_flip": p, "minimum_detectable_gain": 0.03, "reasons": [],
    }  # fmt: skip
    verdict = {"word": word, "sentence": f"{word}: as if alone", "reasons": [], "condition": "conditional on it"}
    return {"headline": headline, "verdict": verdict, "seeds": 8, "n_groups": 60, "n_test": 200}


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

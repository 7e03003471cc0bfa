"""Other levels of labels: one family of contrasts, corrected for its number."""

from typing import Any

from synthgain.evaluation.levels import beside


def record(p: float | None, word: str, low: float = 0.01, high: float = 0.09) -> dict[str, Any]:
    headline = {"p": p, "word": word, "margin": 0.02, "equivalence_low": low, "equivalence_high": high}
    return {"headline": headline | {"reasons": []}}


def words(**levels: dict[str, Any]) -> dict[str, str]:
    found = beside(record(0.04, "gain"), levels, 0.95)
    assert found["headline"]["word"] == "gain", "the claim needs no correction"
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

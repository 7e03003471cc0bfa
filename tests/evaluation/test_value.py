"""Savings from the lower bound of what synthetic images are worth."""

import pytest

from synthgain.evaluation.value import Prices, text, value

PRICES = Prices(image=20.0, compute_hour=2.0, compute_hours=5.0, labour_hour=60.0, labour_hours=4.0)


def test_the_lower_bound_counts_and_costs_are_taken_off() -> None:
    found = value({"value": 50, "low": 20, "high": 90, "low_bound": ""}, PRICES)
    assert found == {"images": 20, "saved": 400.0, "spent": 250.0, "net": 150.0, "bound": ""}


def test_what_does_not_pay_is_negative() -> None:
    assert value({"low": -30, "low_bound": ""}, PRICES)["net"] == pytest.approx(-850)
    assert value({"low": 2, "low_bound": ""}, PRICES)["net"] == pytest.approx(-210)


def test_at_the_lower_end_of_the_curve_the_sum_is_a_bound() -> None:
    assert value({"low": -96, "low_bound": "at most"}, PRICES)["bound"] == "at most"
    assert value({"low": 128, "low_bound": "at least"}, PRICES)["bound"] == ""


def test_without_equivalents_there_is_no_sum() -> None:
    found = value({"low": None, "why": "the curve does not rise"}, PRICES)
    assert found["net"] is found["saved"] is None
    assert found["spent"] == 250.0
    assert "does not rise" in found["why"]


def test_the_text_has_sums_or_the_reason_why_not() -> None:
    gains = {"headline": {"candidate": "synthetic-edm-r1"}, "learning_curve": {"equivalents": {
        "synthetic-edm-r1": {"value": 50, "low": 20, "high": 90, "low_bound": "", "value_bound": ""}}}}  # fmt: skip
    said = text(gains, PRICES, "EUR")
    assert "worth +20 labelled real images (lower limit; estimate +50)" in said
    assert said.endswith("net    150 EUR")
    gains["learning_curve"]["equivalents"]["synthetic-edm-r1"]["value_bound"] = "at least"
    assert "(lower limit; estimate at least +50)" in text(gains, PRICES)
    none = gains | {"learning_curve": {"equivalents": {}, "why": "no learning curve was asked for"}}
    assert text(none, PRICES) == "synthetic-edm-r1: no sum can be given: no learning curve was asked for"

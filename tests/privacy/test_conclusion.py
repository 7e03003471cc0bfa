"""The sentence says which test found what, and at which power the others found nothing."""

from typing import Any

import pytest

from synthgain.privacy.conclusion import conclusion

POWER = {"exact": {"share": 1.0}, "flipped": {"share": 1.0}, "rotated": {"share": 0.85}}
NEAR = {"share": 0.0, "count": 0, "n": 1200, "threshold": 2.5, "flagged": False, "power": POWER}
LEARNED = {"share": 0.01, "held_out": {"share": 0.0}, "p": 0.4, "flagged": False, "power": POWER, "needed": 0.14}
NEARER = {"share": 0.52, "expected_low": 0.4, "expected_high": 0.6, "p": 0.3, "needed": 0.31, "left_out": []}
MEMBERS = {"auroc": {"value": 0.55, "low": 0.45, "high": 0.65}, "p": 0.2, "detectable": 0.71}


def concluded(**changes: dict[str, Any]) -> dict[str, Any]:
    records = {"near": NEAR, "learned": LEARNED, "nearer": NEARER, "members": MEMBERS}
    return conclusion(*(record | changes.get(name, {}) for name, record in records.items()))


def test_without_a_finding_every_test_is_named_with_its_measured_power() -> None:
    found = concluded()
    assert not found["flagged"]
    assert found["flagged_by"] == []
    assert found["sentence"] == (
        "no memorisation detected by near-duplicates in pixels (finds 100 % of exact and flipped; 85 % of rotated "
        "copies); the learned copy detector (finds 100 % of exact and flipped; 85 % of rotated copies; significant "
        "from 14 % of the images on); "
        "nearness to training patients in pixels (a power of 80 % needs 31 % copies among the images); membership "
        "inference with the generator's weights (AUROC 0.55, 0.45 to 0.65, p = 0.200; a power of 80 % needs an AUROC "
        "of 0.71). Such tests are a smoke alarm, no guarantee"
    )


def test_each_test_can_flag_the_generator() -> None:
    changes = {
        "duplicates": {"near": {"share": 0.5, "flagged": True}},
        "copy_detector": {"learned": {"p": 0.001, "flagged": True}},
        "nearer_to_train": {"nearer": {"p": 0.002}}, "membership": {"members": {"p": 0.0005}},
    }  # fmt: skip
    for name, change in changes.items():
        found = concluded(**change)
        assert found["flagged"]
        assert found["flagged_by"] == [name]
        assert found["flagged_weights"] == (name == "membership")
        assert found["flagged_images"] == (name != "membership")
        assert found["sentence"].startswith("memorisation detected: ")
        assert ". Not detected by " in found["sentence"]


def test_members_given_away_by_the_weights_are_no_finding_about_the_images() -> None:
    sentence = concluded(members={"p": 0.0005})["sentence"]
    assert "whoever holds the generator's weights can tell training from held-out patients (AUROC 0.55" in sentence
    assert "p < 0.001" in sentence


def test_what_was_not_done_is_said_with_its_reason() -> None:
    few = "insufficient n: 4 held-out patients, 10 needed"
    said = concluded(learned={"p": None, "why": few}, members={"p": None, "why": "a control is not trained"})[
        "sentence"
    ]
    assert f"Not done: the learned copy detector ({few}), membership inference (a control is not trained)" in said
    nothing = {"share": None, "p": None, "why": "no image"}
    said = concluded(near=nothing, learned=nothing, nearer=nothing, members=nothing)["sentence"]
    assert said.startswith("nothing can be said of memorisation. Not done: near-duplicates in pixels (no image)")


def test_a_test_without_power_does_not_boast() -> None:
    assert "too few patients for any power" in concluded(nearer={"needed": None})["sentence"]


def test_a_single_copy_among_many_images_is_told() -> None:
    said = concluded(near={"share": 1 / 1200, "count": 1, "flagged": True})["sentence"]
    assert said.startswith("memorisation detected: 1 of 1,200 synthetic images nearly equal a training image")


def test_classes_that_were_not_judged_are_named() -> None:
    assert "(not judged, too few patients: rare)" in concluded(nearer={"left_out": ["rare"]})["sentence"]


@pytest.mark.parametrize("unit, who", [
    ("patient", "for each patient"), ("image", "for each image, of which a patient has up to 3"),
])  # fmt: skip
def test_a_guarantee_is_told_with_its_unit_and_rounded_upwards(unit: str, who: str) -> None:
    given = {"epsilon": 10.481, "delta": 1e-3, "unit": unit, "most_per_patient": 3}
    assert conclusion(NEAR, LEARNED, NEARER, MEMBERS, given)["sentence"].endswith(
        "no guarantee; the weights, and images drawn from them, are differentially private: epsilon 10.49 and delta "
        f"0.001 {who}; this is of one training alone (those of several add up), and not of a choice of images by the "
        "filter"
    )

"""Words follow from numbers by one rule."""

from dataclasses import replace

import pytest

from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.verdict import Evidence, Rule, judge, quick_look, sentence
from synthgain.schema import QUICK_LOOK

RULE = Rule(level=0.95, margin=0.02, min_seeds=6, min_groups=20)
GAIN = Evidence(
    difference=0.031, low=0.012, high=0.05, inner_low=0.015, inner_high=0.047, p_bootstrap=0.002, p_sign_flip=0.0078,
    seeds=8, groups=160, detectable=0.019,
)  # fmt: skip
NONE = replace(GAIN, difference=0.002, low=-0.008, high=0.012, inner_low=-0.006, inner_high=0.01, p_bootstrap=0.7)


@pytest.mark.parametrize(
    "evidence, word",
    [
        (GAIN, "gain"),
        (replace(GAIN, difference=-0.031, low=-0.05, high=-0.012), "loss"),
        (NONE, "no difference"),
        (replace(NONE, inner_high=0.021), "inconclusive"),
        (replace(GAIN, p_sign_flip=0.07), "inconclusive"),
        (replace(GAIN, p_bootstrap=0.0501), "inconclusive"),
        (replace(GAIN, difference=-0.031, low=-0.05, high=-0.012, p_bootstrap=0.0501), "inconclusive"),
        (replace(GAIN, low=-0.001), "inconclusive"),
        (replace(GAIN, p_holm=0.051), "inconclusive"),
        (replace(GAIN, p_holm=0.03), "gain"),
        (replace(GAIN, seeds=5), "inconclusive"),
        (replace(GAIN, groups=19), "inconclusive"),
        (replace(NONE, seeds=5), "inconclusive"),
        (replace(GAIN, difference=0.01, low=0.004, high=0.016, inner_low=0.005, inner_high=0.015), "gain"),
    ],
)
def test_both_tests_must_agree_and_the_study_be_large_enough(evidence: Evidence, word: str) -> None:
    found, reasons = judge(evidence, RULE)
    assert found == word
    assert reasons


def test_reasons_name_what_is_missing() -> None:
    _, small = judge(replace(GAIN, seeds=1, groups=12), RULE)
    assert small[:2] == ["1 seed, a claim needs 6", "12 test patients or groups, a claim needs 20"]
    assert "minimum detectable gain 1.9 points" in small
    _, unsure = judge(replace(GAIN, low=-0.001, p_sign_flip=0.07), RULE)
    assert unsure[:2] == ["the 95 % interval contains 0", "sign-flip p = 0.070, not below 0.05"]
    _, edge = judge(replace(GAIN, p_bootstrap=0.0501), RULE)
    assert edge[0] == "bootstrap p = 0.050, not below 0.05"
    _, tiny = judge(replace(GAIN, low=0.004, high=0.016, inner_low=0.005, inner_high=0.015), RULE)
    assert "it is smaller than the margin of 2 points" in tiny


def test_the_sentence_holds_every_number() -> None:
    about = {
        "candidate": "synthetic-edm-r1", "baseline": "oversample", "metric": "balanced_accuracy", "images": 640,
        "condition": "conditional on this trained generator",
    }  # fmt: skip
    assert sentence("gain", [], GAIN, RULE, **about) == (
        "gain: synthetic-edm-r1 beats oversample by +3.1 points of balanced accuracy (95 % CI +1.2 to +5.0, sign-flip "
        "p = 0.008; 8 seeds, 640 test images of 160 patients or groups; conditional on this trained generator; "
        "minimum detectable gain 1.9 points)"
    )
    worse = replace(GAIN, difference=-0.031, low=-0.05, high=-0.012)
    assert "falls behind oversample by 3.1 points" in sentence("loss", [], worse, RULE, **about)
    assert "differ by less than 2 points" in sentence("no difference", [], NONE, RULE, **about)
    few = replace(GAIN, seeds=1, detectable=NotEstimable("1 seed is too few"))
    said = sentence("inconclusive", ["1 seed, a claim needs 6"], few, RULE, **about)
    assert said.startswith("inconclusive: whether synthetic-edm-r1 beats oversample is open at +3.1 points")
    assert said.endswith("no minimum detectable gain: 1 seed is too few); 1 seed, a claim needs 6")


SINGLE = replace(RULE, single_split=QUICK_LOOK)
WORSE = replace(GAIN, difference=-0.031, low=-0.05, high=-0.012)


@pytest.mark.parametrize("evidence, word", [(GAIN, "gain"), (WORSE, "loss")])
def test_a_quick_look_claims_neither_gain_nor_loss(evidence: Evidence, word: str) -> None:
    few = replace(evidence, groups=49)
    assert judge(few, SINGLE) == (
        "inconclusive",
        [
            "a quick look at 49 test patients or groups in one split; a claim needs 50, or dataset.split.folds=5",
            "minimum detectable gain 1.9 points",
        ],
    )
    assert quick_look(few, SINGLE) == "a quick look: fewer than 50 test patients or groups in one split"
    for enough in (replace(evidence, groups=50), replace(few, folds=5)):
        assert judge(enough, SINGLE)[0] == word
        assert quick_look(enough, SINGLE) is None
    assert judge(few, RULE)[0] == word, "a rule without such a limit has none"


def test_a_quick_look_may_find_no_difference_and_folds_need_patients_too() -> None:
    assert judge(replace(NONE, groups=30), SINGLE)[0] == "no difference"
    assert judge(replace(GAIN, groups=19, folds=5), SINGLE)[0] == "inconclusive"

"""Names of arms, and which of them are screened."""

from fractions import Fraction
from types import ModuleType

import pytest

from synthgain.arms.arm import Arm, candidates, parse
from synthgain.errors import SynthgainError


def test_names_say_how_batches_are_filled() -> None:
    assert parse("real") == Arm("real", augment=False)
    assert parse("classic") == Arm("classic")
    assert parse("oversample") == Arm("oversample", balanced=True)
    assert parse("synthetic-edm-r0.5") == Arm("synthetic-edm-r0.5", generator="edm", ratio=0.5, filtered=True)
    unfiltered = parse("synthetic-my-r2-gan-r1-unfiltered")
    assert (unfiltered.generator, unfiltered.ratio, unfiltered.filtered) == ("my-r2-gan", 1.0, False)


def test_names_say_how_synthetic_images_are_used_otherwise() -> None:
    assert parse("weighted") == Arm("weighted", weighted=True)
    assert parse("mixup").mixup == 0.2
    pretrain, alone = parse("pretrain-edm"), parse("synthetic-only-edm")
    assert (pretrain.whole, pretrain.pretrained, pretrain.descriptive) == (True, True, False)
    assert (alone.whole, alone.pretrained, alone.descriptive, alone.synthetic_share) == (True, False, True, 1)
    shuffled = parse("shuffled-edm-r0.5-unfiltered")
    assert (shuffled.shuffled, shuffled.control, shuffled.ratio, shuffled.filtered) == (True, "shuffled", 0.5, False)


@pytest.mark.parametrize("name, generator", [("duplicate", "copies"), ("oracle", "oracle"), ("noise", "noise")])
def test_a_control_is_the_synthetic_arm_with_its_generator_unfiltered(name: str, generator: str) -> None:
    arm = parse(name).at(2.0)
    assert (arm.name, arm.control, arm.generator, arm.ratio, arm.filtered) == (name, name, generator, 2.0, False)
    assert parse(f"{name}-r0.5").at(2.0).ratio == 0.5
    assert parse(f"{name}-r0.5").control == name


@pytest.mark.parametrize(
    "name", ["", "classics", "synthetic-edm", "synthetic-edm-rx", "duplicate-unfiltered", "real-r1"]
)
def test_what_is_no_arm_is_refused_by_name(name: str) -> None:
    with pytest.raises(SynthgainError, match=f"no arm '{name}'"):
        parse(name)


def test_ratio_r_takes_the_exact_share_r_of_one_plus_r() -> None:
    shares = [parse(f"synthetic-g-r{ratio}").synthetic_share for ratio in ("0.25", "0.5", "1", "5")]
    assert shares == [Fraction(1, 5), Fraction(1, 3), Fraction(1, 2), Fraction(5, 6)]
    assert parse("classic").synthetic_share == 0


def test_baselines_and_every_trained_generator_at_every_ratio_are_screened(toy: ModuleType) -> None:
    names = [arm.name for arm in candidates(toy.experiment(arms={"ratios": [0.5, 2.0], "filtered": [True, False]}))]
    synthetic = [f"synthetic-{g}-r{r}{u}" for g in ("dcgan", "edm") for r in ("0.5", "2") for u in ("", "-unfiltered")]
    assert names == ["real", "classic", "oversample", "duplicate-r0.5", "duplicate-r2", *synthetic]


def test_whole_sets_are_screened_where_asked_for(toy: ModuleType) -> None:
    arms = {"ratios": [1.0], "baselines": ["classic", "weighted", "mixup"], "whole": ["pretrain", "synthetic-only"]}
    names = [arm.name for arm in candidates(toy.experiment(arms=arms, generators={"edm": {"kind": "edm"}}))]
    assert names == ["classic", "weighted", "mixup", "synthetic-edm-r1", "pretrain-edm", "synthetic-only-edm"]


def test_an_arm_without_its_generator_is_not_screened(toy: ModuleType) -> None:
    names = [arm.name for arm in candidates(toy.experiment(generators={"edm": {"kind": "edm"}}))]
    assert names == ["real", "classic", "oversample", "synthetic-edm-r0.5", "synthetic-edm-r1"]


def test_without_a_trained_generator_the_controls_take_the_place_of_the_synthetic_arms(toy: ModuleType) -> None:
    cfg = toy.experiment(generators={"oracle": {"kind": "oracle"}}, arms={"ratios": [1.0]})
    assert [arm.name for arm in candidates(cfg)] == ["real", "classic", "oversample", "oracle-r1"]


def test_no_generator_or_an_unknown_arm_to_confirm_is_refused_before_any_training(toy: ModuleType) -> None:
    with pytest.raises(SynthgainError, match="generators: none given"):
        candidates(toy.experiment(generators={}))
    with pytest.raises(SynthgainError, match="no arm 'orcale'"):
        candidates(toy.experiment(arms={"always": ["orcale"]}))

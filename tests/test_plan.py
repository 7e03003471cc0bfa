"""The plan that is shown before anything is done."""

from pathlib import Path

import pytest

from synthgain.compose import compose
from synthgain.config import component, kinds
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.plan import describe, seconds


@pytest.fixture
def paths(root: Path) -> Paths:
    return Paths(root)


def test_it_names_arms_seeds_settings_and_cost(paths: Paths) -> None:
    said = describe(compose(paths, ["protocol=full", "generator=edm"]))
    assert "synthetic-edm-r0.25-unfiltered" in said
    assert "pretrain-edm" in said
    assert "x 4 settings x 2 seeds" in said
    assert "100 % of the labels; 10 % of the labels" in said
    assert "cost        about " in said


def test_it_names_no_control_that_the_experiment_lacks(paths: Paths, tmp_path: Path) -> None:
    own = describe(compose(paths, ["dataset=folder", f"dataset.path={tmp_path}"]))
    assert "among them classic, oversample, duplicate\n" in own
    assert "among them real, duplicate, shuffled\n" in describe(compose(paths, ["protocol=full"]))


def test_the_cost_grows_with_what_is_trained_and_falls_with_workers(paths: Paths) -> None:
    base = seconds(compose(paths, []), 10)
    assert seconds(compose(paths, []), 20) > base
    assert seconds(compose(paths, ["seeds=16"]), 10) > base
    assert seconds(compose(paths, ["classifier=densenet"]), 10) > base
    assert seconds(compose(paths, ["dataset.image.size=64"]), 10) > base
    assert seconds(compose(paths, ["compute.workers=4"]), 10) < base
    assert seconds(compose(paths, ["arms.ratios=[1.0,20.0]"]), 10) > base
    assert 120 < base < 400, "the default takes some minutes on two cores"


def test_nothing_to_compare_is_said_before_anything_is_done(paths: Paths) -> None:
    with pytest.raises(SynthgainError, match="generators: none given, so there is nothing to compare"):
        describe(compose(paths, ["generator=[]", "control=[]"]))


@pytest.mark.parametrize("package", ["generators", "classifiers"])
def test_every_component_that_trains_knows_its_speed(package: str) -> None:
    for kind in kinds(package):
        module = component(package, kind)
        if getattr(module.Config.model_fields["training"], "default", None) is not None:
            assert 0 < module.SECONDS_PER_IMAGE < 1
            assert package == "classifiers" or 0 < module.SECONDS_PER_DRAWN < 1

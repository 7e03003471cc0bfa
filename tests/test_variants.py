"""Generators that follow from others are written out as entries like any other."""

from pathlib import Path
from typing import Any

import pytest

from synthgain.compose import compose
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.generators.store import trained_part
from synthgain.paths import Paths
from synthgain.variants import expand


def composed(root: Path, *words: str) -> Config:
    return compose(Paths(root), ["generator=[dcgan,edm]", "control=copies", *words])


def guidance(cfg: Config, name: str) -> float:
    sampling: Any = cfg.generators[name].sampling
    return float(sampling.guidance)


def test_without_wishes_every_generator_draws_from_its_own_weights(root: Path) -> None:
    cfg = composed(root)
    assert list(cfg.weights) == list(cfg.generators) == ["dcgan", "edm", "copies"]
    assert cfg.trainings("edm") == ("edm",)


def test_screened_guidance_adds_the_same_weights_guided_otherwise_where_that_is_possible(root: Path) -> None:
    cfg = composed(root, "screening.guidance=[1.0,2.5]")
    assert list(cfg.generators) == ["dcgan", "edm", "copies", "edm-g1"], "2.5 is its own strength"
    assert list(cfg.weights) == ["dcgan", "edm", "copies"]
    assert (guidance(cfg, "edm"), guidance(cfg, "edm-g1")) == (2.5, 1.0)
    assert trained_part(cfg.generators["edm-g1"]) == trained_part(cfg.generators["edm"])


def test_guidance_is_compared_with_the_familys_default_where_the_generator_names_none(root: Path) -> None:
    cfg = composed(root, "~generators.edm.sampling", "screening.guidance=[1.0,3.0]")
    assert [name for name in cfg.generators if name.startswith("edm")] == ["edm", "edm-g3"]


def test_own_words_for_other_sampling(root: Path) -> None:
    cfg = composed(root, "+generators.coarse={weights: edm, sampling: {steps: 6}}", "+size=smoke")
    assert trained_part(cfg.generators["coarse"]) == trained_part(cfg.generators["edm"])
    sampling: Any = cfg.generators["coarse"].sampling
    assert (sampling.steps, sampling.guidance) == (6, 2.5)


@pytest.mark.parametrize("words, told", [
    ("{weights: edn}", r"generators.v.weights: no trained generator 'edn'.*edm"),
    ("{weights: edm, training: {steps: 5}}", r"generators.v.training: only 'sampling' can differ"),
])  # fmt: skip
def test_what_cannot_share_weights_is_refused(words: str, told: str, root: Path) -> None:
    with pytest.raises(SynthgainError, match=told):
        composed(root, f"+generators.v={words}")


@pytest.mark.parametrize("words, told", [
    (["generator_seeds=paired", "seeds=eight"], r"seeds: .*\(given: 'eight'\)"),
    (["screening.guidance=3"], r"screening\.guidance: .*\(given: 3\)"),
    (["screening.guidance=[strong]"], r"screening\.guidance\.0: .*\(given: 'strong'\)"),
    (["screening.guidance=[1.0]", "generators.edm.sampling.guidance=strong"], r"sampling\.guidance: .*'strong'"),
    (["generator_seeds=paired", "generators.v.steps=3"], r"generators\.v: expected a mapping with a 'kind'"),
])  # fmt: skip
def test_what_cannot_be_expanded_is_refused_by_its_key(root: Path, words: list[str], told: str) -> None:
    with pytest.raises(SynthgainError, match=told):
        composed(root, *words)


def test_paired_seeds_train_each_generator_once_per_confirmation_seed(root: Path) -> None:
    cfg = composed(root, "generator_seeds=paired", "seeds=3", "screening.guidance=[1.0]")
    assert cfg.trainings("edm") == ("edm", "edm-seed1", "edm-seed2")
    assert cfg.trainings("edm-g1") == ("edm-g1", "edm-g1-seed1", "edm-g1-seed2")
    assert [cfg.generators[name].weights for name in cfg.trainings("edm-g1")] == ["edm", "edm-seed1", "edm-seed2"]
    assert cfg.trainings("copies") == ("copies",), "controls learn nothing"
    assert list(cfg.weights) == ["dcgan", "edm", "copies", "dcgan-seed1", "edm-seed1", "dcgan-seed2", "edm-seed2"]


def test_what_was_given_is_not_changed() -> None:
    values = {"generators": {"edm": {"kind": "edm"}}, "screening": {"guidance": (4.0,)}}
    assert list(expand(values)["generators"]) == ["edm", "edm-g4"]
    assert values == {"generators": {"edm": {"kind": "edm"}}, "screening": {"guidance": (4.0,)}}

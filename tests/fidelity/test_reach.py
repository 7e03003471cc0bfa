"""Subgroups that a generator does not draw are seen, equal ones are not told apart."""

import json
from typing import Any

import numpy as np
import pytest

from synthgain.evaluation.attributes import Attribute
from synthgain.fidelity.comparison import Sample
from synthgain.fidelity.prdc import covered, prdc
from synthgain.fidelity.reach import reach


def sample(seed: int, count: int, shift: np.ndarray | float = 0.0) -> Sample:
    """Two classes far apart; two images a patient."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) // 2 % 2
    features = random.normal(0, 1, (count, 6)) + 20 * labels[:, None]
    features[:, 0] += shift
    return Sample(features, labels, np.arange(count) // 2)


def reached(synthetic: Sample, real: Sample, member: np.ndarray, least: int = 5) -> dict[str, Any]:
    attribute = Attribute("site", ("a", "b"), member)
    found = reach(synthetic, real, [attribute], {"scanner": "one value"}, least, np.random.default_rng(0))
    json.dumps(found, allow_nan=False)
    return found


MEMBER = np.arange(240) // 4 % 2
"""Whole patients, of both classes."""


def test_a_subgroup_that_the_generator_never_draws_stands_out() -> None:
    real = sample(0, 240, shift=8.0 * MEMBER)
    found = reached(sample(1, 240), real, MEMBER)["attributes"]["site"]["subgroups"]
    known, unknown = found
    assert known["value"] > 0.9
    assert unknown["value"] < 0.1
    assert unknown["high"] < known["low"]
    assert (known["images"], known["patients"]) == (120, 60)


def test_subgroups_of_one_distribution_are_reached_alike() -> None:
    found = reached(sample(1, 240), sample(0, 240), MEMBER)
    one, other = found["attributes"]["site"]["subgroups"]
    assert one["low"] <= other["value"] <= one["high"]
    assert found["pooled"]["value"] > 0.9
    assert found["left_out"] == {"scanner": "one value"}


def test_an_image_is_reached_by_its_own_class_only() -> None:
    swapped = sample(1, 240)
    swapped = Sample(swapped.features, 1 - swapped.labels, swapped.groups)
    assert reached(swapped, sample(0, 240), MEMBER)["pooled"]["value"] == 0


def test_few_patients_and_classes_without_images_are_said() -> None:
    real = sample(0, 240)
    one = reached(sample(1, 240), real, MEMBER, least=100)["attributes"]["site"]["subgroups"][0]
    assert one["value"] is None
    assert one["why"] == "insufficient n: 60 patients or groups, 100 needed"
    drawn = sample(1, 240)
    half = reached(drawn.of_class(0), real, MEMBER)
    assert half["pooled"]["images"] == 120, "a class that was not drawn is left out"
    nothing = reached(drawn.rows(np.zeros(0, np.intp)), real, MEMBER)
    assert nothing["pooled"]["value"] is None


@pytest.mark.parametrize("count", [60, 700])
def test_covered_images_make_up_the_coverage(count: int) -> None:
    drawn, real = sample(3, count).features, sample(4, count, shift=1.0).features
    assert covered(drawn, real).mean() == pytest.approx(prdc(drawn, real).coverage)

"""What an audit could not judge: tests that were not done, and tests that find no copies."""

from typing import Any

import numpy as np
import pytest

from synthgain.dataset import Images
from synthgain.generators import copies
from synthgain.generators.contract import Facts
from synthgain.privacy import unjudged
from synthgain.privacy.membership import generator_attack, inference
from synthgain.privacy.planted import plant
from synthgain.schema import GeneratorConfig, SourceConfig


def audit(pixels: dict[str, float], learned: dict[str, float], **changes: Any) -> dict[str, Any]:
    """What is judged by, where the tests for copies find these shares of the planted ones."""
    powers = ({kind: {"share": share} for kind, share in found.items()} for found in (pixels, learned))
    return {
        "n_synthetic": 60, "duplicates": {"power": next(powers)}, "copy_detector": {"p": 0.5, "power": next(powers)},
        "nearer_to_train": {"pixels": {"p": 0.4, "left_out": []}},
        "membership": {"p": 0.6, "per_score": {"sigma 1": 0.5}},
    } | changes  # fmt: skip


ALL = {"exact": 1.0, "flipped": 1.0, "noisy": 1.0}


def test_the_better_of_both_tests_counts_for_each_kind() -> None:
    assert unjudged.images(audit({"exact": 1.0, "flipped": 1.0, "noisy": 0.0}, {"exact": 0.1, "noisy": 0.5})) == []
    assert unjudged.images(audit(ALL, {})) == []


def test_every_kind_of_which_less_than_half_is_found_is_named() -> None:
    found = unjudged.images(audit({"exact": 1.0, "flipped": 0.495, "noisy": 0.0}, {"flipped": 0.3, "noisy": 0.025}))
    assert len(found) == 1
    assert found[0].startswith("finds only 49.5 % of flipped, 2.5 % of noisy copies; held-out images are as like")


def test_other_kinds_are_not_asked_for() -> None:
    assert unjudged.images(audit(ALL | {"rotated": 0.0, "blurred": 0.0, "intensity": 0.0}, {})) == []


def test_the_kinds_that_are_asked_for_are_planted() -> None:
    assert set(unjudged.LOOKED_FOR) <= set(plant(np.zeros((2, 1, 8, 8), np.uint8), seed=0))


def test_without_a_planted_copy_nothing_was_looked_for() -> None:
    (found,) = unjudged.images(audit({"exact": None}, {}))
    assert found.startswith("finds only 0 % of exact, 0 % of flipped, 0 % of noisy copies; ")


def test_every_test_that_was_not_done_is_named() -> None:
    nearer, learned = ({"p": None, "why": why} for why in ("too few", "no detector was trained"))
    found = unjudged.images(audit(ALL, ALL, nearer_to_train={"pixels": nearer}, copy_detector=learned | {"power": {}}))
    assert found == ["nearer to training patients? too few", "learned copies? no detector was trained"]
    assert unjudged.images(audit(ALL, ALL, n_synthetic=0)) == ["there was no image to audit"]


@pytest.mark.parametrize(
    ("p", "scores", "why"), [(0.5, {"loss": 0.5}, None), (None, {"loss": 0.5}, "few"), (None, {}, None)]
)
def test_weights_are_not_known_where_a_trained_generator_was_not_attacked(
    p: float | None, scores: dict[str, float], why: str | None
) -> None:
    assert unjudged.weights(audit(ALL, ALL, membership={"p": p, "per_score": scores, "why": "few"})) == why


def test_the_records_of_membership_inference_say_which_of_the_two_it_was() -> None:
    rows = np.arange(8)
    attacked = inference({"loss": rows / 8}, rows % 2, rows < 4, rows // 2, np.random.default_rng(0))
    assert "2 patients among members" in str(unjudged.weights(audit(ALL, ALL, membership=attacked)))
    images = Images(np.zeros((8, 1, 8, 8), np.uint8), rows % 2, rows)
    control = copies.build(GeneratorConfig(kind="copies"), Facts(1, 8, ("a", "b"), SourceConfig(kind="phantom")))
    untrained = generator_attack(control, images, images, seed=0)
    assert untrained["p"] is None
    assert unjudged.weights(audit(ALL, ALL, membership=untrained)) is None

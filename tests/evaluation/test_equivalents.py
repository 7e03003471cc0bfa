"""Real-image equivalents: the learning curve read backwards, with honest bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from synthgain.evaluation.equivalents import Curve, equivalents, height, inverse, isotonic

SIZES = np.array([32.0, 64.0, 128.0, 256.0])


def curve(point: list[float], noise: float = 0.001, replicates: int = 2000) -> Curve:
    values = np.array(point)
    drawn = values + np.random.default_rng(0).normal(0, noise, (replicates, len(values)))
    return Curve(SIZES, values, drawn)


def worth(of_real: Curve, score: float, noise: float = 0.001, images: int = 128) -> dict[str, object]:
    """Of an arm with this score, beside one with the score that the curve rises to at 128 images."""
    difference = score - float(of_real.point[2])
    drawn = difference + np.random.default_rng(1).normal(0, noise, len(of_real.drawn))
    return equivalents(of_real, difference, drawn, images, 0.95)


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=1, max_size=4))
def test_the_isotonic_fit_is_scikit_learns(rows: list[list[float]]) -> None:
    fitted = isotonic(np.array(rows))
    reference = [IsotonicRegression().fit_transform(np.arange(5), row) for row in rows]
    assert fitted == pytest.approx(np.array(reference), abs=1e-9)


def test_a_score_is_read_off_between_the_points_on_a_log_scale() -> None:
    fitted = np.array([[0.5, 0.6, 0.7, 0.8]] * 5)
    found = inverse(SIZES, fitted, np.array([0.5, 0.65, 0.8, 0.2, 0.95]), 100)
    assert found == pytest.approx([32, np.sqrt(64 * 128), 256, 32, 256])


@pytest.mark.parametrize(("near", "found"), [(32, 64), (90, 90), (256, 128)])
def test_on_a_plateau_the_nearest_size_counts(near: float, found: float) -> None:
    flat = np.array([[0.5, 0.7, 0.7, 0.8]])
    assert inverse(SIZES, flat, np.array([0.7]), near) == pytest.approx([found])
    assert inverse(SIZES, flat, np.array([0.69]), near) < 64
    assert inverse(SIZES, flat, np.array([0.71]), near) > 128


@pytest.mark.parametrize("point", [[0.6, 0.7, 0.699, 0.699], [0.7, 0.78, 0.775, 0.8], [0.5, 0.6, 0.7, 0.7]])
def test_what_is_as_good_as_the_baseline_is_worth_nothing_where_the_curve_is_flat(point: list[float]) -> None:
    of_real = curve(point)
    found = equivalents(of_real, 0.0, np.zeros(len(of_real.drawn)), 128, 0.95)
    assert (found["value"], found["low"], found["high"]) == (0, 0, 0)


def test_a_gain_is_worth_the_images_that_would_give_the_same_score() -> None:
    found = worth(curve([0.5, 0.6, 0.7, 0.8]), 0.75)
    assert found["value"] == pytest.approx(128 * np.sqrt(2) - 128, abs=1)
    assert found["low"] < found["value"] < found["high"]
    assert found["value_bound"] == found["low_bound"] == found["high_bound"] == ""
    assert found["observed"] == [32, 256]


def test_a_loss_is_worth_less_than_nothing() -> None:
    found = worth(curve([0.5, 0.6, 0.7, 0.8]), 0.65)
    assert found["high"] < 0


def test_beyond_the_observed_curve_numbers_are_bounds() -> None:
    above, below = worth(curve([0.5, 0.6, 0.7, 0.8]), 0.9), worth(curve([0.5, 0.6, 0.7, 0.8]), 0.4)
    assert (above["value"], above["value_bound"], above["low_bound"]) == (128, "at least", "at least")
    assert (below["value"], below["value_bound"], below["high_bound"]) == (-96, "at most", "at most")


@pytest.mark.parametrize("point", [[0.6, 0.72, 0.66, 0.8], [0.6, 0.66, 0.74, 0.7]])
@pytest.mark.parametrize("difference", [-0.02, 0.0])
def test_what_is_no_better_than_the_baseline_is_worth_no_image_where_the_curve_bends_back(
    difference: float, point: list[float]
) -> None:
    of_real = curve(point)
    found = equivalents(of_real, difference, np.full(len(of_real.drawn), difference), 128, 0.95)
    assert found["value"] <= found["high"] <= 0


def test_the_height_of_a_curve_lies_between_its_points_on_a_log_scale() -> None:
    fitted = np.array([[0.5, 0.6, 0.7, 0.8], [0.1, 0.1, 0.3, 0.3]])
    assert height(SIZES, fitted, 128) == pytest.approx([0.7, 0.3])
    assert height(SIZES, fitted, 64 * np.sqrt(2)) == pytest.approx([0.65, 0.2])
    assert height(SIZES, fitted, 500) == pytest.approx([0.8, 0.3])


def test_noise_widens_the_interval() -> None:
    of_real = curve([0.5, 0.6, 0.7, 0.8], noise=0.02)
    wide, narrow = worth(of_real, 0.75, noise=0.02), worth(curve([0.5, 0.6, 0.7, 0.8]), 0.75)
    assert wide["low"] < narrow["low"]
    assert wide["high"] > narrow["high"]


@pytest.mark.parametrize(
    ("of_real", "why"),
    [
        (curve([0.7, 0.7, 0.7, 0.7]), "does not rise"),
        (curve([0.8, 0.7, 0.6, 0.5]), "does not rise"),
        (Curve(SIZES[:1], np.array([0.5]), np.full((9, 1), 0.5)), "fewer than two points"),
    ],
)
def test_without_a_rising_curve_nothing_can_be_said(of_real: Curve, why: str) -> None:
    found = equivalents(of_real, 0.1, np.full(len(of_real.drawn), 0.1), 128, 0.95)
    assert found["value"] is found["low"] is found["high"] is None
    assert why in str(found["why"])

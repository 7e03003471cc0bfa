"""Measures against lesion masks, on maps whose answer is known."""

import numpy as np
import pytest

from synthgain.explain.localisation import energy, localise, pointing
from synthgain.sources import phantom

SIDE = 8
COUNT = 20


def masks(count: int = COUNT) -> np.ndarray:
    found = np.zeros((count, SIDE, SIDE), bool)
    found[:, 2:4, 2:6] = True
    return found


def pointed(at: tuple[int, int], count: int = COUNT) -> np.ndarray:
    maps = np.full((count, SIDE, SIDE), -0.2, np.float32)
    maps[:, at[0], at[1]] = 1.0
    return maps


def groups(count: int = COUNT) -> np.ndarray:
    return np.array([f"p{i // 2}" for i in range(count)])


def test_the_pointing_game_counts_maxima_on_the_lesion() -> None:
    assert (pointing(pointed((3, 3)), masks()) == 1).all()
    assert (pointing(pointed((4, 3)), masks()) == 0).all()


def test_energy_is_the_share_of_what_speaks_for_the_class() -> None:
    maps = pointed((3, 3))
    maps[:, 0, 0] = 3.0
    maps[:, 7, 7] = -50
    assert np.allclose(energy(maps, masks()), 0.25)


@pytest.mark.parametrize("level", [0.0, 0.7])
def test_a_flat_map_hits_by_chance(level: float) -> None:
    flat = np.full((COUNT, SIDE, SIDE), level, np.float32)
    assert np.allclose(pointing(flat, masks()), 8 / 64)
    assert np.allclose(energy(flat, masks()), 8 / 64)


def compared(candidate: np.ndarray, baseline: np.ndarray, count: int = COUNT) -> dict:
    maps = {"candidate": {"occlusion": candidate}, "baseline": {"occlusion": baseline}}
    return localise(maps, masks(count), groups(count), seed=0)


def test_candidate_and_baseline_are_compared_as_pairs() -> None:
    half = pointed((3, 3))
    half[::2] = pointed((0, 0), COUNT // 2)
    found = compared(pointed((3, 3)), half)
    assert (found["images"], found["patients"], found["chance"]) == (COUNT, COUNT // 2, 8 / 64)
    game = found["methods"]["occlusion"]["pointing"]
    assert game["candidate"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert game["baseline"]["value"] == game["difference"]["value"] == 0.5
    # Every patient has one hit and one miss: drawing patients changes nothing.
    assert game["difference"]["low"] == game["difference"]["high"] == 0.5


def test_the_interval_is_that_of_patients_not_of_images() -> None:
    by_patient = pointed((0, 0), 200)
    by_patient[np.arange(200) // 2 % 2 == 0] = pointed((3, 3), 1)[0]
    by_image = pointed((0, 0), 200)
    by_image[::2] = pointed((3, 3), 1)[0]
    maps = {"candidate": {"occlusion": by_patient}, "baseline": {"occlusion": by_image}}
    found = localise(maps, masks(200), groups(200), seed=0)["methods"]["occlusion"]["pointing"]
    width = found["candidate"]["high"] - found["candidate"]["low"]
    assert width == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(100), rel=0.15)
    assert found["baseline"]["high"] - found["baseline"]["low"] < 1e-9


def test_few_patients_give_a_value_and_the_reason_why_there_is_no_interval() -> None:
    found = compared(pointed((3, 3), 6), pointed((3, 3), 6), 6)["methods"]["occlusion"]["energy"]["candidate"]
    assert found["value"] == 1
    assert found["low"] is found["high"] is None
    assert found["low_why"] == "insufficient n: 3 patients or groups with a lesion, 10 needed"


def test_the_same_seed_gives_the_same_intervals() -> None:
    random = np.random.default_rng(0).normal(size=(2, COUNT, SIDE, SIDE)).astype(np.float32)
    assert compared(*random) == compared(*random)


def test_masks_of_the_phantom_lie_where_the_tumour_enhances() -> None:
    """A meningioma enhances: in its ingested image the mask must be brighter than the rest of the head."""
    cfg = phantom.Config(patients=6, slices=2)
    tried = 0
    for record in phantom.scan(cfg, None):  # type: ignore[arg-type]
        if record.label != "meningioma":
            continue
        image = phantom.resample(record.load(), 64)
        mask = phantom.mask(cfg, record.origin, 64) == phantom.TUMOUR
        if mask.sum() < 5:
            continue
        tried += 1
        assert image[mask].mean() > 1.2 * image[~mask & (image > 24)].mean()
        mirrored = image[:, ::-1][mask].mean()
        assert image[mask].mean() > mirrored
    assert tried >= 8

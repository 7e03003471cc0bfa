"""Each arm by itself: what its numbers are compared with."""

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.metrics import ece_null
from synthgain.evaluation.predictions import from_table


def test_the_null_of_calibration_knows_that_all_trainings_share_their_images(simulated: ModuleType) -> None:
    """Trainings that predict alike are right and wrong on the same images: their mean varies as each of them does."""
    first = simulated.table({"classic": 0}, seeds=1, groups=40, images=2)
    table = pd.concat([first.assign(seed=seed, arm=arm) for arm in ("classic", "again") for seed in range(8)])
    predictions = from_table(table, simulated.CLASSES)
    resampled = Resampled(predictions, 200, 0, 0.95)
    found, again = (resampled.arm(arm)["ece"] for arm in ("classic", "again"))
    one = ece_null(predictions.probabilities[0, 0], np.random.default_rng(0), draws=4000)
    assert found["null"] == pytest.approx(one.mean(), rel=0.05)
    assert found["null_high"] == pytest.approx(np.quantile(one, 0.95), rel=0.1)
    assert np.quantile(one.reshape(8, -1).mean(0), 0.95) < 0.9 * found["null_high"], (
        "labels drawn anew for each would be narrower"
    )
    assert (found["null"], found["null_high"]) == (again["null"], again["null_high"])

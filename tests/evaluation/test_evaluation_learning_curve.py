"""The learning curve from its predictions: what it says of the arms, and when it says nothing."""

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthgain.evaluation.equivalents import Curve, equivalents
from synthgain.evaluation.learning_curve import learned
from synthgain.evaluation.predictions import from_table
from synthgain.schema import Evaluation

SHARES = (0.5, 1.0, 2.0)


def points(*shares: float) -> dict[str, Any]:
    """``points.json`` of a study with 100 labelled images."""
    each = [{"share": share, "images": int(100 * share), "groups": int(100 * share)} for share in shares]
    return {"arm": "classic", "points": each, "labelled": {"images": 100, "groups": 100}}


def found(
    simulated: ModuleType, *, seeds: int = 4, shares: tuple[float, ...] = SHARES,
    without: str = "",
) -> dict[str, Any]:  # fmt: skip
    drawn = [
        simulated.table({"classic": strength}, seeds=seeds).assign(fraction=share)
        for share, strength in zip(SHARES, (-0.6, 0.0, 0.6), strict=True)
    ]
    curve, arms = pd.concat(drawn, ignore_index=True), simulated.table({"classic": 0.0, "synthetic-edm-r1": 0.3})
    curve, arms = (table[table["label"] != without] for table in (curve, arms))
    headline = {"metric": "balanced_accuracy", "level": 0.95, "baseline": "classic"}
    confirmed = from_table(arms, simulated.CLASSES)
    return learned([curve], [points(*shares)], confirmed, headline, Evaluation(replicates=400), 0)


def test_a_better_arm_is_worth_images_and_one_without_a_generator_is_not_asked(simulated: ModuleType) -> None:
    record = found(simulated)
    assert [point["images"] for point in record["points"]] == [50, 100, 200]
    means = [point["mean"] for point in record["points"]]
    assert means == sorted(means)
    assert all(point["low"] < point["mean"] < point["high"] for point in record["points"])
    assert set(record["equivalents"]) == {"synthetic-edm-r1"}
    worth = record["equivalents"]["synthetic-edm-r1"]
    assert worth["images"] == 100
    assert 0 < worth["value"] < 100


def test_curve_and_arms_meet_the_same_patients_and_draw_their_seeds_independently(
    simulated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An arm that is the curve's own trainings at one size, beside one that is always right."""
    classic = simulated.table({"classic": 0.0}, groups=400, images=1, seed_noise=0.4)
    curve = pd.concat([classic.assign(fraction=share) for share in SHARES], ignore_index=True)
    right = classic.assign(**{f"p{k}": classic["label"] == name for k, name in enumerate(simulated.CLASSES)})
    both = pd.concat(
        [classic.assign(arm="synthetic-edm-r1"), right.astype({f"p{k}": float for k in range(len(simulated.CLASSES))})]
    )
    arms = from_table(both, simulated.CLASSES)
    draws = []

    def noted(of_real: Curve, difference: float, drawn: np.ndarray, *others: Any) -> dict[str, Any]:
        draws.append((of_real.drawn[:, 1], drawn))
        return equivalents(of_real, difference, drawn, *others)

    monkeypatch.setattr("synthgain.evaluation.learning_curve.equivalents", noted)
    headline = {"metric": "balanced_accuracy", "level": 0.95, "baseline": "classic"}
    learned([curve], [points(*SHARES)], arms, headline, Evaluation(replicates=2000), 0)
    ((of_curve, of_arm),) = draws
    assert 0.05 < np.corrcoef(of_curve, of_arm)[0, 1] < 0.9


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"shares": ()}, "no learning curve was asked for"),
        ({"seeds": 1}, "a learning curve of one seed has no interval over seeds"),
        ({"without": "glioma"}, "glioma"),
    ],
)
def test_where_the_contrast_could_not_be_judged_nothing_is_said(
    simulated: ModuleType, changes: dict[str, Any], why: str
) -> None:
    record = found(simulated, **changes)
    assert (record["points"], record["equivalents"]) == ([], {})
    assert why in record["why"]


def test_one_size_is_no_curve(simulated: ModuleType) -> None:
    record = found(simulated, shares=(1.0,))
    worth = record["equivalents"]["synthetic-edm-r1"]
    assert worth["value"] is worth["low"] is worth["high"] is None
    assert "fewer than two points" in worth["why"]

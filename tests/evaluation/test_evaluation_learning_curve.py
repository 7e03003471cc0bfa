"""The learning curve from its predictions: what it says of the arms, and when it says nothing."""

from types import ModuleType
from typing import Any

import pandas as pd
import pytest

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
    headline = {"metric": "balanced_accuracy", "level": 0.95}
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

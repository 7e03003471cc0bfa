import pandas as pd
import pytest

from synthgain.errors import SynthgainError
from synthgain.evaluation.folds import CHOSEN, STRONGEST, pool


def predictions(fold: int, arms: list[str]) -> pd.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "split": split, "image_id": f"{split}{fold}{image}", "p0": 0.1 * fold}
        for arm in arms for seed in (0, 1) for split in ("val", "test") for image in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def headline(candidate: str, baseline: str) -> dict[str, object]:
    return {"candidate": candidate, "baseline": baseline, "metric": "balanced_accuracy"}


def test_equal_choices_keep_their_names() -> None:
    tables = [predictions(fold, ["real", "classic", "a"]) for fold in (0, 1)]
    claim, table = pool([headline("a", "classic")] * 2, tables)
    assert claim == headline("a", "classic")
    assert set(table["arm"]) == {"real", "classic", "a"}
    assert table.groupby(["arm", "seed"]).size().eq(4).all()
    assert set(table["split"]) == {"test"}


def test_different_choices_are_compared_under_their_role() -> None:
    tables = [predictions(0, ["classic", "a", "duplicate"]), predictions(1, ["classic", "b", "duplicate"])]
    claim, table = pool([headline("a", "classic"), headline("b", "duplicate")], tables)
    assert (claim["candidate"], claim["baseline"]) == (CHOSEN, STRONGEST)
    assert set(table["arm"]) == {"classic", "duplicate", CHOSEN, STRONGEST}, "an arm of one fold alone is not compared"
    assert table.groupby(["arm", "seed"])["image_id"].nunique().eq(4).all()
    chosen = table[table["arm"] == CHOSEN]
    assert dict(chosen.groupby("image_id")["p0"].first()) == {"test00": 0, "test01": 0, "test10": 0.1, "test11": 0.1}


def test_a_single_split_stays_as_it_is() -> None:
    only = predictions(0, ["a", "classic"])
    assert pool([headline("a", "classic")], [only])[1] is only


def test_an_image_in_two_folds_is_refused() -> None:
    with pytest.raises(SynthgainError, match=r"test image 'test00' stands in two"):
        pool([headline("a", "classic")] * 2, [predictions(0, ["a", "classic"])] * 2)

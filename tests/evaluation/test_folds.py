import pandas as pd
import pytest

from synthgain.errors import SynthgainError
from synthgain.evaluation.folds import CHOSEN, STRONGEST, by_fold, pool
from synthgain.evaluation.statistics import corrected_t


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


def judged(fold: int, right: dict[str, int]) -> pd.DataFrame:
    """Eight test images of two classes, of which an arm calls so many right, the same in both seeds."""
    rows = [
        {"arm": arm, "seed": seed, "split": "test", "image_id": f"{fold}-{image}", "group": f"{fold}-{image}",
         "label": "ab"[image % 2], "p0": float((image < count) == (image % 2 == 0))}
        for arm, count in right.items() for seed in (0, 1) for image in range(8)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(p1=1 - table["p0"])


def test_what_each_fold_says_is_told_with_the_corrected_test() -> None:
    tables = [judged(0, {"a": 8, "classic": 4}), judged(1, {"b": 6, "classic": 4}), judged(2, {"a": 4, "classic": 4})]
    headlines = [headline(name, "classic") | {"level": 0.95} for name in ("a", "b", "a")]
    found = by_fold(headlines, tables, ("a", "b"), [(8, 16)] * 3)
    assert found["differences"] == pytest.approx([0.5, 0.25, 0.0])
    known = corrected_t([0.5, 0.25, 0.0], 0.5)
    assert (found["mean"], found["low"], found["p"]) == pytest.approx((0.25, known.low, known.p))  # type: ignore[union-attr]
    equal = by_fold(headlines[:1] * 2, [tables[0], judged(3, {"a": 8, "classic": 4})], ("a", "b"), [(8, 16)] * 2)
    assert equal["mean"] is None
    assert "no variation" in equal["why"]
    one_class = tables[0][tables[0]["label"] == "a"]
    missing = by_fold(headlines[:2], [one_class, tables[1]], ("a", "b"), [(8, 16)] * 2)
    assert missing["why"].startswith("fold 1: ")

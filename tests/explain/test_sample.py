"""Which test images are explained."""

import numpy as np
import pandas as pd

from synthgain.explain.sample import choose


def table() -> pd.DataFrame:
    rows = [("a", f"p{i // 5}", "test") for i in range(20)] + [("b", "q", "test")] * 2 + [("a", "p9", "train")] * 30
    return pd.DataFrame(rows, columns=["label", "group", "split"])


def test_each_class_gives_test_images_of_different_patients_first() -> None:
    images = table()
    rows = choose(images, ("a", "b"), 4, seed=0)
    chosen = images.iloc[rows]
    assert (chosen["split"] == "test").all()
    assert chosen["label"].tolist() == ["a"] * 4 + ["b"] * 2
    assert chosen.head(4)["group"].nunique() == 4
    assert images.iloc[choose(images, ("a",), 8, seed=0)]["group"].value_counts().eq(2).all()


def test_the_seed_decides_and_fewer_are_the_first_of_more() -> None:
    images = table()
    assert np.array_equal(choose(images, ("a",), 3, seed=1), choose(images, ("a",), 9, seed=1)[:3])
    assert len({choose(images, ("a",), 3, seed=seed).tobytes() for seed in range(5)}) > 1

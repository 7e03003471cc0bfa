"""The same data with fewer or more labelled training patients: the points of a learning curve."""

from dataclasses import replace

import numpy as np

from synthgain.dataset import ImageSet
from synthgain.seeding import rng


def with_labels(images: ImageSet, share: float, seed: int) -> ImageSet:
    """``images`` with ``share`` times the training patients (or groups), whole and in proportion to their classes.

    Up to 1 they are drawn from the train split; beyond, patients that the study leaves unused are added, except those
    of whom an image stands in validation or test. A larger share holds the patients of a smaller one. Where there are
    not enough unused patients, all are taken. Validation and test stay as they are.
    """
    table = images.table
    group_of = table.groupby("group")
    splits, label_of = group_of["split"].agg(set), group_of["label"].agg(lambda labels: labels.mode().iloc[0])
    own = splits.index[splits.map(lambda found: "train" in found)]
    spare = splits.index[splits.map(lambda found: found == {"unused"})]
    chosen: list[str] = []
    for label in images.classes:
        mine, more = (rng(seed, "labelled", label, name).permutation(sorted(groups[label_of[groups] == label]))
                      for name, groups in (("own", own), ("spare", spare)))  # fmt: skip
        wanted = max(1, round(share * len(mine)))
        chosen += [*mine, *more][:wanted]
    in_train = table["group"].isin(chosen) & table["split"].isin(["train", "unused"])
    if share <= 1:
        in_train &= table["split"] == "train"
    names = table["split"].where(table["split"] != "train", "unused").mask(in_train, "train")
    return replace(images, table=table.assign(split=names))


def counted(images: ImageSet) -> dict[str, int]:
    """Training images and patients (groups) of a set."""
    rows = images.rows("train")
    return {"images": len(rows), "groups": int(np.unique(images.table["group"].to_numpy(str)[rows]).size)}

"""The same data with fewer or more labelled training images: the points of a learning curve."""

from dataclasses import replace

import numpy as np
import pandas as pd

from synthgain.dataset import ImageSet
from synthgain.seeding import rng


def with_labels(images: ImageSet, share: float, seed: int) -> ImageSet:
    """``images`` with ``share`` times the labelled training images, in proportion to their classes.

    Up to 1 whole patients (or groups) are taken away. Beyond, images that the study leaves unused are added, patient
    after patient in turns, except those of patients of whom an image stands in validation or test; where there are not
    enough, all are taken. A larger share holds the images of a smaller one. Validation and test stay as they are.
    """
    table = images.table
    train = table["split"] == "train"
    held = train & table["group"].isin(_patients(images, min(share, 1.0), seed))
    more = _unused(images, seed) if share > 1 else table.iloc[:0]
    for label in images.classes:
        mine = more[more["label"] == label]
        wanted = round((share - 1) * int((train & (table["label"] == label)).sum()))
        held |= table.index.isin(mine.index[: max(wanted, 0)])
    names = table["split"].where(~train, "unused").mask(held, "train")
    return replace(images, table=table.assign(split=names))


def copied(images: ImageSet, ratio: float, seed: int) -> ImageSet:
    """``ratio`` times the training images, drawn from them with replacement, classes in turns: the pool of `duplicate`.

    What the generator `copies` draws where the whole train split is labelled.
    """
    train = images.rows("train")
    of_class = [train[images.labels[train] == label] for label in range(len(images.classes))]
    count, draw = round(ratio * len(train)), rng(seed, "labelled", "copies")
    each = [draw.choice(rows, -(-count // len(of_class))) for rows in of_class]
    return images.part(np.stack(each, axis=1).ravel()[:count])


def counted(images: ImageSet) -> dict[str, int]:
    """Training images and patients (groups) of a set."""
    rows = images.rows("train")
    return {"images": len(rows), "groups": int(np.unique(images.table["group"].to_numpy(str)[rows]).size)}


def _patients(images: ImageSet, share: float, seed: int) -> list[str]:
    """Of the training patients of each class that share, at least one; a patient counts for his most frequent class."""
    label_of = images.table[images.table["split"] == "train"].groupby("group")["label"].agg(lambda each: each.mode()[0])
    chosen: list[str] = []
    for label in images.classes:
        order = rng(seed, "labelled", label, "own").permutation(sorted(label_of.index[label_of == label]))
        chosen += list(order[: max(1, round(share * len(order)))])
    return chosen


def _unused(images: ImageSet, seed: int) -> pd.DataFrame:
    """The unused images that may be added, in order: one of each patient, then the second of each, ..."""
    table = images.table
    kept_apart = set(table["group"][table["split"].isin(["val", "test"])])
    unused = table[(table["split"] == "unused") & ~table["group"].isin(kept_apart)]
    shuffled = unused.iloc[rng(seed, "labelled", "spare").permutation(len(unused))]
    return shuffled.iloc[np.argsort(shuffled.groupby("group").cumcount().to_numpy(), kind="stable")]

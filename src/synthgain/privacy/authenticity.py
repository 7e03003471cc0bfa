"""Authenticity: is a synthetic image further from its nearest training image than that one is from other patients?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.dataset import Images
from synthgain.privacy.neighbours import Vectors, nearest
from synthgain.privacy.planted import rate


def authenticity(
    synthetic: Images,
    train: Images,
    held_out: Images,
    vectors: tuple[Vectors, Vectors, Vectors],
    classes: Sequence[str],
) -> dict[str, Any]:
    """Share of authentic synthetic images beside that of held-out real images, pooled and per class.

    An image is authentic where its distance to the nearest training image exceeds the distance of that training image
    to its own nearest neighbour of another patient (Alaa, van Breugel, Saveliev and van der Schaar, ICML 2022, section
    4.3). Copies are not; blurred images, which come near to everything, seldom are either: hence the held-out value.

    Parameters
    ----------
    vectors: what distances are measured on, ``(N, F)`` for synthetic, train and held-out images.

    Returns
    -------
    share, low, high, n, held_out {share, low, high, n} and per_class {name: the same}; low and high are the limits of
    the exact binomial interval over images. What cannot be had is None with ``why``.
    """
    if len(np.unique(train.groups)) < 2:
        refused = {"share": None, "low": None, "high": None, "n": 0, "why": "insufficient n: fewer than 2 patients"}
        return refused | {"held_out": refused, "per_class": {name: refused | {"held_out": refused} for name in classes}}
    apart = nearest(vectors[1], vectors[1], (train.groups, train.groups)).distance
    flags = [_authentic(vectors[place], vectors[1], apart) for place in (0, 2)]

    def record(label: int | None) -> dict[str, Any]:
        rows = [np.ones(len(images.labels), bool) if label is None else images.labels == label
                for images in (synthetic, held_out)]  # fmt: skip
        drawn, real = (rate(flag[at]) for flag, at in zip(flags, rows, strict=True))
        return drawn | {"held_out": real}

    return record(None) | {"per_class": {name: record(k) for k, name in enumerate(classes)}}


def _authentic(images: Vectors, train: Vectors, apart: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    found = nearest(images, train)
    return found.distance > apart[found.row]

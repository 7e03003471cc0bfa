"""Do the synthetic images reach every subgroup of patients alike?

A generator that knows the class alone draws no image of a subgroup, but the images of a class may all resemble one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.evaluation.attributes import Attribute
from synthgain.fidelity.bootstrap import weighted_means
from synthgain.fidelity.comparison import LEAST, LEVEL, Sample
from synthgain.fidelity.prdc import covered


def reach(
    synthetic: Sample, real: Sample, attributes: Sequence[Attribute], left_out: Mapping[str, str], min_patients: int,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Coverage (Naeem et al. 2020, eq. 4), subgroup by subgroup.

    Of the real images of a subgroup, the share in whose neighbourhood a synthetic image of their class lies; an image's
    neighbourhood reaches to its `NEIGHBOURS`-th nearest other real image of its class, of whatever subgroup. So the
    subgroups share radii and synthetic images, and their values can be compared with each other, not with `coverage` at
    equal numbers. Classes with fewer than `LEAST` images on a side are left out.

    Parameters
    ----------
    attributes, left_out: from `attributes.find`, of the images in ``real``.
    min_patients: subgroups with fewer patients (or groups) have no value.

    Returns
    -------
    ``pooled`` and, for every attribute, its ``subgroups``: {name, images, patients, value, low, high}, with an interval
    over patients; what is None has its ``why``. ``left_out``: attributes without subgroups, with their reasons.
    """
    inside, near = np.zeros(len(real.labels), bool), np.zeros(len(real.labels), bool)
    for label in np.unique(real.labels):
        rows, drawn = np.flatnonzero(real.labels == label), synthetic.of_class(int(label))
        if min(len(rows), len(drawn.labels)) >= LEAST:
            inside[rows], near[rows] = True, covered(drawn.features, real.features[rows])

    def share(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        rows = rows & inside
        patients = len(np.unique(real.groups[rows]))
        record = {"images": int(rows.sum()), "patients": patients}
        if patients < min_patients:
            why = f"insufficient n: {patients} patients or groups, {min_patients} needed"
            return record | {"value": None, "low": None, "high": None, "why": why}
        means = weighted_means(near[rows], real.groups[rows], rng)
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return record | {"value": float(near[rows].mean()), "low": float(low), "high": float(high)}

    return {
        "pooled": share(inside),
        "attributes": {
            each.name: {"subgroups": [
                {"name": name, **share(each.member == index)} for index, name in enumerate(each.values)
            ]}
            for each in attributes
        },
        "left_out": dict(left_out),
    }  # fmt: skip

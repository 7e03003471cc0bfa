"""What the tests allow to be said: every number of the sentence was measured in this audit."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from synthgain.privacy.memorisation import ALPHA

Record = Mapping[str, Any]
IMAGES, WEIGHTS = "images", "weights"
TESTS = {"duplicates": IMAGES, "copy_detector": IMAGES, "nearer_to_train": IMAGES, "membership": WEIGHTS}
"""Each test that can flag a generator, and what gives patients away then: the images, or the generator's weights."""


def conclusion(
    duplicate: Record, detector: Record, nearer: Record, membership: Record, guarantee: Record | None = None
) -> dict[str, Any]:
    """``flagged``, ``flagged_by`` (names in `TESTS`), ``flagged_images``, ``flagged_weights`` and ``sentence``.

    Flagged is what any test finds: near-duplicates of training images; more copies than the detector's limit allows;
    images nearer to training than to held-out patients; members that the generator's own loss tells from non-members.
    Each of the last three accuses at p < `ALPHA`, so that together they accuse an innocent generator in about 3 of 100
    audits at most. ``guarantee``: of differentially private training, where there was one.
    """
    records = dict(zip(TESTS, (duplicate, detector, nearer, membership), strict=True))
    found = {
        "duplicates": duplicate["flagged"], "copy_detector": detector["flagged"],
        "nearer_to_train": nearer["p"] is not None and nearer["p"] < ALPHA,
        "membership": membership["p"] is not None and membership["p"] < ALPHA,
    }  # fmt: skip
    by = [name for name in TESTS if found[name]]
    kinds = {kind: any(TESTS[name] == kind for name in by) for kind in (IMAGES, WEIGHTS)}
    return {
        "flagged": bool(by), "flagged_by": by, "flagged_images": kinds[IMAGES], "flagged_weights": kinds[WEIGHTS],
        "sentence": _sentence(records, by) + _guaranteed(guarantee),
    }  # fmt: skip


def _sentence(records: dict[str, Record], by: list[str]) -> str:
    done = [name for name in TESTS if _DONE[name](records[name])]
    quiet = [name for name in done if name not in by]
    parts = [f"memorisation detected: {'; '.join(_FOUND[name](records[name]) for name in by)}"] if by else []
    if quiet:
        said = "; ".join(_POWER[name](records[name]) for name in quiet)
        parts.append(f"{'not detected' if by else 'no memorisation detected'} by {said}")
    if not done:
        parts.append("nothing can be said of memorisation")
    missing = [f"{_NAMES[name]} ({records[name].get('why', 'no image')})" for name in TESTS if name not in done]
    parts += [f"not done: {', '.join(missing)}"] if missing else []
    return f"{'. '.join(part[0].upper() + part[1:] if at else part for at, part in enumerate(parts))}. {_CAVEAT}"


def _guaranteed(guarantee: Record | None) -> str:
    if guarantee is None:
        return ""
    several = guarantee["most_per_patient"]
    unit = "patient" if guarantee["unit"] == "patient" else f"image, of which a patient has up to {several}"
    return (
        f"; the weights, and images drawn from them, are differentially private: epsilon "
        f"{math.ceil(100 * guarantee['epsilon']) / 100:g} and delta {guarantee['delta']:.2g} for each {unit}; this is "
        "of one training alone (those of several add up), and not of a choice of images by the filter"
    )


_CAVEAT = "Such tests are a smoke alarm, no guarantee"
_NAMES = {
    "duplicates": "near-duplicates in pixels", "copy_detector": "the learned copy detector",
    "nearer_to_train": "nearness to training patients", "membership": "membership inference",
}  # fmt: skip
_DONE: dict[str, Callable[[Record], bool]] = {
    "duplicates": lambda record: record["share"] is not None,
    "copy_detector": lambda record: record["p"] is not None,
    "nearer_to_train": lambda record: record["p"] is not None,
    "membership": lambda record: record["p"] is not None,
}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if 0 < value < 0.1 else f"{100 * value:.0f} %"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _copies_found(record: Record) -> str:
    kinds: dict[str, list[str]] = {}
    for kind, found in record["power"].items():
        kinds.setdefault(_percent(found["share"]), []).append(kind)
    listed = ((share, " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))) for share, names in kinds.items())
    return f"finds {'; '.join(f'{share} of {names}' for share, names in listed)} copies"


def _auroc(record: Record) -> str:
    found = record["auroc"]
    return f"AUROC {found['value']:.2f}, {found['low']:.2f} to {found['high']:.2f}, {_p(record['p'])}"


_FOUND: dict[str, Callable[[Record], str]] = {
    "duplicates": lambda record: (
        f"{record['count']:,} of {record['n']:,} synthetic images nearly equal a training image "
        f"(RMS below {record['threshold']:g} grey levels, mirrored copies included)"
    ),
    "copy_detector": lambda record: (
        f"the learned copy detector calls {_percent(record['share'])} copies "
        f"(held-out real images, which set its limit: {_percent(record['held_out']['share'])}; {_p(record['p'])})"
    ),
    "nearer_to_train": lambda record: (
        f"{100 * record['share']:.0f} % are nearer to training than to as many held-out "
        f"patients (expected {100 * record['expected_low']:.0f} to {100 * record['expected_high']:.0f} %, "
        f"{_p(record['p'])})"
    ),
    "membership": lambda record: (
        f"whoever holds the generator's weights can tell training from held-out patients ({_auroc(record)})"
    ),
}
_POWER: dict[str, Callable[[Record], str]] = {
    "duplicates": lambda record: f"{_NAMES['duplicates']} ({_copies_found(record)})",
    "copy_detector": lambda record: (
        f"{_NAMES['copy_detector']} ({_copies_found(record)}"
        + (f"; significant from {_percent(record['needed'])} of the images on)" if record["needed"] else ")")
    ),
    "nearer_to_train": lambda record: (
        f"{_NAMES['nearer_to_train']} in pixels "
        + (
            f"(a power of 80 % needs {_percent(record['needed'])} copies among the images)"
            if record["needed"] is not None
            else "(too few patients for any power)"
        )
        + (f" (not judged, too few patients: {', '.join(record['left_out'])})" if record["left_out"] else "")
    ),
    "membership": lambda record: (
        f"{_NAMES['membership']} with the generator's weights ({_auroc(record)}; a "
        f"power of 80 % needs an AUROC of {record['detectable']:.2f})"
    ),
}

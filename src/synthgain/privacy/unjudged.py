"""What a privacy audit could not judge: a test that was not done, or that finds no copies, has found nothing."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]
LEAST_FOUND = 0.5
"""Least share of the planted copies of a kind that a test for copies must find to have looked for that kind."""
LOOKED_FOR = ("exact", "flipped", "noisy")
"""Kinds of copies that have to be looked for: as they are, mirrored as by augmentation, with a generator's own noise.
Of the others the power is reported."""
_HINT = (
    "held-out images are as like training ones as copies are: are near-copies left in the split "
    "(dataset.near_duplicate_rms)?"
)
_FOR_COPIES = ("duplicates", "copy_detector")


def images(audit: Record) -> list[str]:
    """Why the images of an audit (``privacy.json``) are not judged, each reason in words; none where they are."""
    if not audit["n_synthetic"]:
        return ["there was no image to audit"]
    nearer, learned = audit["nearer_to_train"]["pixels"], audit["copy_detector"]
    reasons = []
    if nearer["p"] is None:
        reasons.append(f"nearer to training patients? {nearer['why']}")
    elif nearer["left_out"]:
        reasons.append(f"nearer to training patients? too few patients of {', '.join(nearer['left_out'])}")
    if learned["p"] is None:
        reasons.append(f"learned copies? {learned['why']}")
    shares = {kind: _found(audit, kind) for kind in LOOKED_FOR}
    missed = [f"{100 * share:.3g} % of {kind}" for kind, share in shares.items() if share < LEAST_FOUND]
    return reasons + ([f"finds only {', '.join(missed)} copies; {_HINT}"] if missed else [])


def weights(audit: Record) -> str | None:
    """Why it is not known whether the generator's weights tell its training patients; None where it is.

    A control has no scores that could tell, since it has no weights.
    """
    membership = audit["membership"]
    return str(membership["why"]) if membership["p"] is None and membership["per_score"] else None


def _found(audit: Record, kind: str) -> float:
    """The share of the planted copies of a kind that is found by the better of both tests for copies."""
    return max(audit[test]["power"].get(kind, {}).get("share") or 0.0 for test in _FOR_COPIES)

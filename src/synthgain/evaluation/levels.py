"""The same contrast where fewer labels exist: one claim, and the other levels beside it, corrected for their number."""

from collections.abc import Mapping
from typing import Any

from synthgain.evaluation.gain import corrected
from synthgain.evaluation.statistics import holm
from synthgain.evaluation.verdict import Rule


def beside(claim: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], rule: Rule) -> dict[str, Any]:
    """``claim``'s record with the key ``levels``: what `gain.evaluate` says at every other level of labels.

    The declared contrasts of the other levels are one family: their p-values are corrected over it (Holm), and their
    minimum detectable gains are those of that correction's first step.

    Parameters
    ----------
    claim: the record of the level that the claim is about.
    others: percentage of the labels, as text, to the record of that level of labels.
    rule: that the claim is judged by.
    """
    judged = {labels: dict(record) for labels, record in others.items()}
    family = [labels for labels, record in judged.items() if record["headline"]["p"] is not None]
    adjusted = holm([judged[labels]["headline"]["p"] for labels in family])
    judged |= {
        labels: corrected(judged[labels], p, rule, len(family)) for labels, p in zip(family, adjusted, strict=True)
    }
    return {**claim, "levels": judged}

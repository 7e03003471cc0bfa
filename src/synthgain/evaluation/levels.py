"""The same contrast where fewer labels exist: one claim, and the other levels beside it, corrected for their number."""

from collections.abc import Mapping
from typing import Any

from synthgain.evaluation.statistics import holm
from synthgain.evaluation.verdict import GAIN, INCONCLUSIVE, LOSS, NO_DIFFERENCE, p_value


def beside(claim: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], level: float) -> dict[str, Any]:
    """``claim``'s record with the key ``levels``: what `gain.evaluate` says at every other level of labels.

    The declared contrasts of the other levels are one family: a word that Holm's correction over it does not bear is
    taken back.

    Parameters
    ----------
    claim: the record of the level that the claim is about.
    others: percentage of the labels, as text, to the record of that level of labels.
    level: of confidence.
    """
    judged = {labels: dict(record) for labels, record in others.items()}
    family = [labels for labels, record in judged.items() if record["headline"]["p"] is not None]
    adjusted = holm([judged[labels]["headline"]["p"] for labels in family])
    for labels, p_holm in zip(family, adjusted, strict=True):
        headline = judged[labels]["headline"] | {"p_holm": p_holm}
        alpha = 1 - level
        if headline["word"] in (GAIN, LOSS) and p_holm >= alpha:
            margin = headline["margin"]
            inside = -margin < headline["equivalence_low"] and headline["equivalence_high"] < margin
            headline["word"] = NO_DIFFERENCE if inside else INCONCLUSIVE
            headline["reasons"] = [f"Holm's {p_value(p_holm)}, not below {alpha:.2g}"]
        judged[labels]["headline"] = headline
    return {**claim, "levels": judged}

"""From numbers to a word: gain, loss, no difference or inconclusive. One rule for every contrast."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthgain.evaluation.metrics import NotEstimable, Value

GAIN, LOSS, NO_DIFFERENCE, INCONCLUSIVE = "gain", "loss", "no difference", "inconclusive"
CODES = {GAIN: 1, LOSS: -1, NO_DIFFERENCE: 0}
"""The words as numbers, for tracking; `INCONCLUSIVE` has none."""
_NAMES = {"balanced_accuracy": "balanced accuracy", "macro_auroc": "macro AUROC"}


@dataclass(frozen=True)
class Rule:
    """What was fixed before the test split was looked at."""

    level: float
    margin: float
    min_seeds: int
    min_groups: int
    single_split: int = 0
    """Fewest test patients or groups of a single split for a gain or a loss (see `QUICK_LOOK`); 0: no such limit."""

    @property
    def alpha(self) -> float:
        return 1 - self.level

    @property
    def equivalence_level(self) -> float:
        """Level of the interval that must lie within the margin: two one-sided tests at ``1 - level`` each."""
        return 2 * self.level - 1


@dataclass(frozen=True)
class Evidence:
    """What is known of one contrast: candidate minus baseline, as shares (0.03 is three points)."""

    difference: float
    low: float
    high: float
    inner_low: float
    """Limits of the interval at `Rule.equivalence_level`."""
    inner_high: float
    p_bootstrap: float
    p_sign_flip: float
    seeds: int
    groups: int
    detectable: Value
    p_holm: float | None = None
    """Corrected for the secondary family; None for the one declared contrast."""
    folds: int = 1
    """Test parts that the groups come from: 1, a single split; else those of a cross-validation."""

    @property
    def p(self) -> float:
        """The larger of both p-values: both tests must agree."""
        return max(self.p_bootstrap, self.p_sign_flip)


def judge(evidence: Evidence, rule: Rule) -> tuple[str, list[str]]:
    """The word for a contrast, and the reasons for it.

    *gain* or *loss*: the interval leaves 0 out, the p-values of bootstrap and sign-flip test are below ``1 - level``,
    and so is Holm's where the contrast is one of several; a quick look claims neither. *no difference*: the interval at
    ``2 * level - 1`` lies within the margin (two one-sided tests, Schuirmann 1987), in each contrast by itself.
    Everything else, and every study that is too small, is *inconclusive*.
    """
    short = _too_small(evidence, rule)
    if short:
        return INCONCLUSIVE, short
    apart = evidence.low > 0 or evidence.high < 0
    drawn, flipped = evidence.p_bootstrap < rule.alpha, evidence.p_sign_flip < rule.alpha
    corrected = evidence.p_holm is None or evidence.p_holm < rule.alpha
    if apart and drawn and flipped and corrected:
        if quick_look(evidence, rule):
            return INCONCLUSIVE, [
                f"a quick look at {evidence.groups} test patients or groups in one split; a claim needs "
                f"{rule.single_split}, or dataset.split.folds=5",
                _detectable(evidence.detectable),
            ]
        word = GAIN if evidence.difference > 0 else LOSS
        return word, _agreement(evidence, rule)
    inside = -rule.margin < evidence.inner_low and evidence.inner_high < rule.margin
    if inside:
        return NO_DIFFERENCE, [
            f"the {100 * rule.equivalence_level:g} % interval ({points(evidence.inner_low)} to "
            f"{points(evidence.inner_high)}) lies within ±{100 * rule.margin:g} points"
        ]
    reasons = [
        None if apart else f"the {100 * rule.level:g} % interval contains 0",
        None if drawn or not apart else f"bootstrap {p_value(evidence.p_bootstrap)}, not below {rule.alpha:.2g}",
        None if flipped else f"sign-flip {p_value(evidence.p_sign_flip)}, not below {rule.alpha:.2g}",
        None if corrected else f"Holm's {p_value(evidence.p_holm or 0)}, not below {rule.alpha:.2g}",
        f"the {100 * rule.equivalence_level:g} % interval is not within ±{100 * rule.margin:g} points",
        _detectable(evidence.detectable),
    ]
    return INCONCLUSIVE, [reason for reason in reasons if reason]


def sentence(
    word: str, reasons: Sequence[str], evidence: Evidence, rule: Rule, *, candidate: str, baseline: str, metric: str,
    images: int, condition: str | None,
) -> str:  # fmt: skip
    """The answer to the user's question in one sentence, numbers in percentage points."""
    size = points(abs(evidence.difference), signed=False)
    limits = f"{100 * rule.level:g} % CI {points(evidence.low)} to {points(evidence.high)}"
    facts = [
        f"{limits}, sign-flip {p_value(evidence.p_sign_flip)}",
        f"{_seeds(evidence)}, {images:,} test images of {evidence.groups:,} patients or groups",
        condition,
        _detectable(evidence.detectable),
    ]
    name = _NAMES.get(metric, metric)
    said = {
        GAIN: f"{candidate} beats {baseline} by +{size} points of {name}",
        LOSS: f"{candidate} falls behind {baseline} by {size} points of {name}",
        NO_DIFFERENCE: f"{candidate} and {baseline} differ by less than {100 * rule.margin:g} points of {name} "
        f"({points(evidence.difference)})",
        INCONCLUSIVE: f"whether {candidate} beats {baseline} is open at {points(evidence.difference)} points of {name}",
    }[word]
    because = f"; {reasons[0]}" if word == INCONCLUSIVE and reasons else ""
    return f"{word}: {said} ({'; '.join(fact for fact in facts if fact)}){because}"


def quick_look(evidence: Evidence, rule: Rule) -> str | None:
    """The condition under which a single split with few test patients or groups stands; None elsewhere."""
    if evidence.folds > 1 or evidence.groups >= rule.single_split:
        return None
    return f"a quick look: fewer than {rule.single_split} test patients or groups in one split"


def points(value: float, signed: bool = True) -> str:
    """A difference of shares in percentage points: 0.031 -> ``+3.1``."""
    text = f"{100 * value:.1f}"
    text = "0.0" if text == "-0.0" else text
    return f"+{text}" if signed and not text.startswith("-") else text


def p_value(value: float) -> str:
    """``p = 0.008``, ``p < 0.001``."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _seeds(evidence: Evidence) -> str:
    return f"{evidence.seeds} seed{'s' * (evidence.seeds != 1)}"


def _too_small(evidence: Evidence, rule: Rule) -> list[str]:
    reasons = []
    if evidence.seeds < rule.min_seeds:
        reasons.append(f"{_seeds(evidence)}, a claim needs {rule.min_seeds}")
    if evidence.groups < rule.min_groups:
        reasons.append(f"{evidence.groups} test patients or groups, a claim needs {rule.min_groups}")
    return [*reasons, _detectable(evidence.detectable)] if reasons else []


def _agreement(evidence: Evidence, rule: Rule) -> list[str]:
    reasons = [
        f"the {100 * rule.level:g} % interval leaves 0 out ({p_value(evidence.p_bootstrap)})",
        f"the sign-flip test over {evidence.seeds} seeds agrees ({p_value(evidence.p_sign_flip)})",
    ]
    if evidence.p_holm is not None:
        reasons.append(f"so does Holm's correction ({p_value(evidence.p_holm)})")
    if -rule.margin < evidence.inner_low and evidence.inner_high < rule.margin:
        reasons.append(f"it is smaller than the margin of {100 * rule.margin:g} points")
    return reasons


def _detectable(value: Value) -> str:
    if isinstance(value, NotEstimable):
        return f"no minimum detectable gain: {value.why}"
    return f"minimum detectable gain {points(value, signed=False)} points"

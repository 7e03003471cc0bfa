"""Numbers and names in the reader's words: percentage points, intervals, p-values, what an arm is."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape

from synthgain.arms.arm import CONTROLS, parse
from synthgain.evaluation.folds import CHOSEN, STRONGEST

METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "macro_auroc": "macro AUROC",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "macro_auprc": "macro AUPRC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "calibration error (ECE)",
}
UNBOUNDED = ("log_loss", "brier")
"""Measures that are not shares: printed as they are, not in percent; smaller is better."""
WORDS = ("gain", "loss", "no difference", "inconclusive")
UNKNOWN = "not recorded"


def metric_name(metric: str) -> str:
    return METRICS.get(metric, metric.replace("_", " "))


def points(value: float, signed: bool = True) -> str:
    """A difference of shares in percentage points: 0.031 -> ``+3.1``, with a true minus sign."""
    text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    return text.replace("-", "−")


def share(value: float) -> str:
    """A share in percent: 0.734 -> ``73.4 %``."""
    return f"{100 * value:.1f} %".replace("-", "−")


def number(value: float, digits: int = 3) -> str:
    """``digits`` significant figures without an exponent for ordinary sizes."""
    return f"{value:.{digits}g}".replace("-", "−")


def decimals(*values: float | None) -> Callable[[float], str]:
    """A form with two decimals, or as many (up to five) as the smallest of ``values`` needs to keep a figure."""
    known = [abs(value) for value in values if value]
    places = min(5, max(2, -math.floor(math.log10(min(known))))) if known else 2
    return lambda value: f"{value:.{places}f}".replace("-", "−")


def p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def arm_order(names: Iterable[str]) -> list[str]:
    """Arms from the plainest to the most artificial: real ones, synthetic ones, controls; then by name."""
    plain = ("real", "classic", "oversample", "weighted", "mixup")

    def rank(name: str) -> tuple[int, str]:
        if name in _ROLES:
            return (3 if name == STRONGEST else 4), name
        if name in plain:
            return plain.index(name), ""
        control = parse(name).control
        return (3 if control == "duplicate" else 5 if control else 4), name

    return sorted(names, key=rank)


def generator_order(names: Iterable[str]) -> list[str]:
    """Trained generators, then controls, each by name."""
    return sorted(names, key=lambda name: (name in CONTROLS, name))


def one_line(text: str, limit: int = 28) -> str:
    """``text`` for a figure: printable, on one line, shortened in the middle."""
    clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    half = (limit - 1) // 2
    return clean if len(clean) <= limit else f"{clean[:half]}…{clean[-half:]}"


def missing(record: Mapping[str, Any], key: str = "") -> Markup:
    """Why a number is not there, in place of the number."""
    reason = record.get(f"{key}_why") or record.get("why") or UNKNOWN
    return Markup('<span class="missing">{}</span>').format(str(reason))


def shown(record: Mapping[str, Any] | None, key: str, form: Any = number) -> str | Markup:
    """``record[key]`` by the function ``form``, or the reason why it is not there."""
    if record is None:
        return missing({})
    return missing(record, key) if record.get(key) is None else form(record[key])


def interval(record: Mapping[str, Any] | None, key: str = "mean", form: Any = share) -> Markup:
    """``73.4 % (69.0 to 77.8)`` from ``{key, low, high}``; without limits the value, without a value the reason."""
    if record is None or record.get(key) is None:
        return missing(record or {}, key)
    if record.get("low") is None or record.get("high") is None:
        return Markup('<span class="number">{}</span>').format(form(record[key]))
    low, high = (form(record[name]).removesuffix(" %") for name in ("low", "high"))
    return Markup('<span class="number">{}</span> <span class="ci">({} to {})</span>').format(
        form(record[key]), low, high
    )


def metric_form(metric: str) -> Any:
    return number if metric in UNBOUNDED else share


def describe(name: str) -> str:
    """What the arm called ``name`` trains on, as a sentence fragment."""
    if name in _ROLES:
        return _ROLES[name]
    arm = parse(name)
    if arm.shuffled:
        return f"control: classic + the images of {arm.generator} under the labels of one another"
    if arm.whole:
        return f"classic, after {arm.generator}'s images" if arm.pretrained else f"{arm.generator}'s images alone"
    if arm.control:
        return f"control: classic + {_CONTROL[arm.control]} in the slots of synthetic ones"
    if arm.generator:
        kept = "" if arm.filtered else ", unfiltered"
        return f"classic + {arm.ratio:g} synthetic per real image, from {arm.generator}{kept}"
    if arm.weighted:
        return "real images, augmented; every class weighs the same in the loss"
    if arm.mixup:
        return "real images, augmented and mixed in pairs (mixup)"
    if arm.balanced:
        return "real images, augmented; every class drawn equally often"
    return "real images, augmented (flips, shifts, brightness)" if arm.augment else "real images as they are"


_ROLES = {
    CHOSEN: "the synthetic arm that validation chose, fold by fold",
    STRONGEST: "the strongest arm without synthetic images on validation, fold by fold",
}
_CONTROL = {"duplicate": "real images once more", "noise": "images of pure noise", "oracle": "fresh true images"}


def plain_text(text: str | Markup) -> str:
    """The plain text of a formatted number."""
    return str(Markup(escape(text)).striptags())

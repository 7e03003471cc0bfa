"""The evaluation of a study: one declared contrast, the secondary ones, every arm; and its table in plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthgain.config import Evaluation
from synthgain.errors import SynthgainError, nearest
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.statistics import bootstrap_p, holm, interval, sign_flip_p, two_level
from synthgain.evaluation.verdict import CODES, INCONCLUSIVE, Evidence, Rule, judge, points, sentence

REAL = "real"
_NUMBERS = (
    "difference", "low", "high", "equivalence_low", "equivalence_high", "p_bootstrap", "p_sign_flip", "p",
    "minimum_detectable_gain", "components",
)  # fmt: skip


def evaluate(predictions: Predictions, headline: Mapping[str, Any], evaluation: Evaluation, seed: int) -> dict[str, Any]:
    """The content of ``gains.json``.

    Parameters
    ----------
    predictions: of the test split, every confirmed arm and seed.
    headline: the declared contrast: candidate, baseline, metric, margin, level.
    evaluation: number of replicates, and how small a study may be.
    seed: of the bootstrap.

    Returns
    -------
    classes, n_test, n_groups, seeds, verdict, headline, secondary, not_the_claim, arms. What is not estimable is None
    with the reason in ``why`` (or ``<key>_why``) beside it.

    Raises
    ------
    SynthgainError
        The declared contrast names an arm without predictions.
    """
    candidate, baseline = headline["candidate"], headline["baseline"]
    for arm in (candidate, baseline):
        if arm not in predictions.arms:
            raise SynthgainError(f"plan.json: headline arm '{arm}' has no predictions{nearest(arm, predictions.arms)}")
    rule = Rule(headline["level"], headline["margin"], evaluation.min_seeds, evaluation.min_groups)
    resampled = Resampled(predictions, evaluation.replicates, seed, rule.level)
    metric = headline["metric"]
    found = evidence(resampled, candidate, baseline, metric, rule)
    others = [arm for arm in predictions.arms if arm not in (candidate, baseline, REAL)]
    real = REAL if REAL in predictions.arms and baseline != REAL else None
    return {
        "classes": list(predictions.classes), "n_test": len(predictions.labels), "n_groups": predictions.n_groups,
        "seeds": len(predictions.seeds),
        "verdict": _verdict(found, rule, resampled, candidate, baseline, metric),
        "headline": contrast(found, rule, resampled, candidate, baseline, metric),
        "secondary": _secondary(resampled, others, baseline, metric, rule),
        "not_the_claim": real and contrast(
            evidence(resampled, candidate, real, metric, rule), rule, resampled, candidate, real, metric
        ),
        "arms": {arm: resampled.arm(arm) for arm in predictions.arms},
    }  # fmt: skip


def evidence(
    resampled: Resampled, candidate: str, baseline: str, metric: str, rule: Rule
) -> tuple[Evidence, dict[str, Any]] | NotEstimable:
    """What the predictions say about one contrast, and its variance components."""
    if (why := resampled.refusal(metric)) is not None:
        return why
    p, found = resampled.predictions, resampled.replicates[metric]
    a, b = p.arms.index(candidate), p.arms.index(baseline)
    per_seed = found.point[a] - found.point[b]
    replicates, components = two_level(
        per_seed, found.values[:, a] - found.values[:, b], resampled.seed_weights,
        level=rule.level, n_groups=p.n_groups, fitted=resampled.fitted(metric),
    )  # fmt: skip
    known = Evidence(
        float(per_seed.mean()), *interval(replicates, rule.level), *interval(replicates, rule.equivalence_level),
        bootstrap_p(replicates), sign_flip_p(per_seed), len(p.seeds), p.n_groups,
        minimum_detectable_gain(components, rule.level),
    )  # fmt: skip
    return known, {"per_seed": per_seed.tolist(), "components": vars(components)}


def contrast(
    found: tuple[Evidence, dict[str, Any]] | NotEstimable,
    rule: Rule,
    resampled: Resampled,
    candidate: str,
    baseline: str,
    metric: str,
) -> dict[str, Any]:
    """The JSON-ready record of one contrast."""
    record: dict[str, Any] = {"candidate": candidate, "baseline": baseline, "metric": metric, "margin": rule.margin}
    if isinstance(found, NotEstimable):
        return record | dict.fromkeys(_NUMBERS) | {
            "per_seed": [], "word": INCONCLUSIVE, "reasons": [found.why], "why": found.why,
        }  # fmt: skip
    known, more = found
    word, reasons = judge(known, rule)
    record |= {
        "difference": known.difference, "low": known.low, "high": known.high, "equivalence_low": known.inner_low,
        "equivalence_high": known.inner_high, "p_bootstrap": known.p_bootstrap, "p_sign_flip": known.p_sign_flip,
        "p": max(known.p_bootstrap, known.p_sign_flip), "replicates": resampled.count(metric),
        "word": word, "reasons": reasons, **more,
    }  # fmt: skip
    if isinstance(known.detectable, NotEstimable):
        return record | {"minimum_detectable_gain": None, "minimum_detectable_gain_why": known.detectable.why}
    return record | {"minimum_detectable_gain": known.detectable}


def _secondary(
    resampled: Resampled, arms: Sequence[str], baseline: str, metric: str, rule: Rule
) -> list[dict[str, Any]]:
    """Every other arm against the same baseline, p-values corrected over this family."""
    found = [evidence(resampled, arm, baseline, metric, rule) for arm in arms]
    known = [each[0] for each in found if not isinstance(each, NotEstimable)]
    adjusted = iter(holm([max(each.p_bootstrap, each.p_sign_flip) for each in known]))
    records = []
    for arm, each in zip(arms, found, strict=True):
        p_holm = None
        if not isinstance(each, NotEstimable):
            p_holm = next(adjusted)
            each = replace(each[0], p_holm=p_holm), each[1]
        records.append(contrast(each, rule, resampled, arm, baseline, metric) | {"p_holm": p_holm})
    return records


def _verdict(
    found: tuple[Evidence, dict[str, Any]] | NotEstimable,
    rule: Rule,
    resampled: Resampled,
    candidate: str,
    baseline: str,
    metric: str,
) -> dict[str, Any]:
    p = resampled.predictions
    if isinstance(found, NotEstimable):
        said = f"{INCONCLUSIVE}: {candidate} against {baseline} cannot be judged: {found.why}"
        return {"word": INCONCLUSIVE, "sentence": said, "reasons": [found.why]}
    word, reasons = judge(found[0], rule)
    said = sentence(
        word, reasons, found[0], rule, candidate=candidate, baseline=baseline, metric=metric, images=len(p.labels),
        condition=_condition(p.generator_seeds.get(candidate, ())),
    )  # fmt: skip
    return {"word": word, "sentence": said, "reasons": reasons}


def _condition(generator_seeds: Sequence[int]) -> str | None:
    """To which trained generators a claim is limited; nothing where each training had a generator of its own."""
    different = len(set(generator_seeds))
    if different == 0:
        return None
    if different == 1:
        return "conditional on this trained generator"
    if different < len(generator_seeds):
        return f"conditional on these {different} trained generators"
    return f"with {different} trained generators"


def metrics(gains: Mapping[str, Any]) -> dict[str, float]:
    """``gains`` as flat numbers, for tracking; what is not estimable, and the word *inconclusive*, are left out."""
    headline = gains["headline"]
    flat = {"gain": headline["difference"]} | {
        key: headline[key] for key in ("low", "high", "p_bootstrap", "p_sign_flip", "p", "minimum_detectable_gain")
    }
    flat |= {"verdict": CODES.get(gains["verdict"]["word"])}
    flat |= {key: gains[key] for key in ("n_test", "n_groups", "seeds")}
    for arm, record in gains["arms"].items():
        flat |= {f"{arm}/{metric}": value["mean"] for metric, value in record.items() if metric != "recall"}
    return {key: value for key, value in flat.items() if value is not None}


def arm_rows(gains: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arm table: a row per arm, metric and, for recall, class."""
    rows = []
    for arm, record in gains["arms"].items():
        named = [(metric, "", value) for metric, value in record.items() if metric != "recall"]
        named += [("recall", label, value) for label, value in record["recall"].items()]
        for metric, label, value in named:
            about = {"arm": arm, "metric": metric, "class": label}
            why = value.get("why") or value.get("low_why", "")
            rows.append(about | {key: value[key] for key in ("mean", "low", "high")} | {"why": why})
    return rows


def table(gains: Mapping[str, Any]) -> str:
    """The gain table in plain text: a row per arm, in percent and percentage points."""
    headline = gains["headline"]
    metric, baseline = headline["metric"], headline["baseline"]
    contrasts = {each["candidate"]: each for each in [headline, *gains["secondary"]]}
    head = ["arm", f"{metric.replace('_', ' ')}, %", f"difference to {baseline}, points", "p", "verdict"]
    rows = [head]
    for arm, record in gains["arms"].items():
        score = record[metric]
        cells = [arm, _with_limits(score, "mean", signed=False)]
        if arm in contrasts:
            each = contrasts[arm]
            p = each["p"] if arm == headline["candidate"] else each["p_holm"]
            cells += [_with_limits(each, "difference", signed=True), _short_p(p), each["word"]]
        else:
            cells += ["(baseline)" if arm == baseline else "(not compared)", "", ""]
        rows.append(cells)
    lines = _aligned(rows)
    marked = [f"{'>' if row[0] == headline['candidate'] else ' '} {line}" for row, line in zip(rows, lines, strict=True)]
    marked.insert(1, "  " + "-" * max(map(len, lines)))
    note = "  > the declared contrast; p of the others corrected by Holm; brackets: intervals over patients and seeds"
    return "\n".join([*marked, note])


def _with_limits(record: Mapping[str, Any], key: str, *, signed: bool) -> str:
    if record[key] is None:
        return "not estimable"
    text = points(record[key], signed)
    if record["low"] is None:
        return text
    return f"{text} [{points(record['low'], signed)}, {points(record['high'], signed)}]"


def _short_p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

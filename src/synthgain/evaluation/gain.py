"""The evaluation of a study: one declared contrast, the secondary ones, every arm; and its table in plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from synthgain.errors import SynthgainError, nearest
from synthgain.evaluation import fixed_pair
from synthgain.evaluation.bca import acceleration, bca
from synthgain.evaluation.descriptive import Resampled
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable, Value
from synthgain.evaluation.predictions import Predictions
from synthgain.evaluation.statistics import (
    Components,
    bootstrap_p,
    equivalence_p,
    holm,
    interval,
    sign_flip_p,
    two_level,
)
from synthgain.evaluation.verdict import (
    CODES,
    INCONCLUSIVE,
    Evidence,
    Rule,
    judge,
    points,
    quick_look,
    sentence,
)
from synthgain.schema import QUICK_LOOK, Evaluation

REAL = "real"
_NUMBERS = (
    "difference", "low", "high", "equivalence_low", "equivalence_high", "p_equivalence", "bca_low", "bca_high",
    "p_bootstrap", "p_sign_flip", "p", "minimum_detectable_gain", "components",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """What is compared in what."""

    candidate: str
    baseline: str
    metric: str


@dataclass(frozen=True)
class Found:
    """What the predictions say about a pair of arms."""

    evidence: Evidence
    per_seed: list[float]
    components: Components
    p_equivalence: float
    bca: tuple[float, float] | NotEstimable
    """Limits of the accelerated interval at `Rule.level`; reported, not judged by."""


def evaluate(
    predictions: Predictions,
    headline: Mapping[str, Any],
    evaluation: Evaluation,
    seed: int,
    folds: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The content of ``gains.json``.

    Parameters
    ----------
    predictions: of the test split, every confirmed arm and seed.
    headline: the declared contrast: candidate, baseline, metric, margin, level.
    evaluation: number of replicates, and how small a study may be.
    seed: of the bootstrap.
    folds: what each fold of a cross-validation declared; at most one of them: a single split.

    Returns
    -------
    classes, n_test, n_groups, seeds, verdict, headline, secondary, not_the_claim, fixed_pairs, arms. What is not
    estimable is None with the reason in ``why`` (or ``<key>_why``) beside it.

    Raises
    ------
    SynthgainError
        The declared contrast names an arm without predictions.
    """
    claim = Pair(headline["candidate"], headline["baseline"], headline["metric"])
    for arm in (claim.candidate, claim.baseline):
        if arm not in predictions.arms:
            raise SynthgainError(f"plan.json: headline arm '{arm}' has no predictions{nearest(arm, predictions.arms)}")
    rule = rule_of(headline, evaluation)
    resampled = Resampled(predictions, evaluation.replicates, seed, rule.level)
    parts = max(len(folds), 1)
    found = find(resampled, claim, rule, folds=parts)
    others = [arm for arm in predictions.arms if arm not in (claim.candidate, claim.baseline, REAL)]
    to_real = replace(claim, baseline=REAL)
    comparable = REAL in predictions.arms and claim.baseline != REAL
    return {
        "classes": list(predictions.classes), "n_test": len(predictions.labels), "n_groups": predictions.n_groups,
        "seeds": len(predictions.seeds),
        "folds": [{role: each[role] for role in ("candidate", "baseline")} for each in folds] if len(folds) > 1 else [],
        "verdict": _verdict(found, claim, rule, predictions),
        "headline": _contrast(found, claim, rule, resampled),
        "secondary": _secondary([replace(claim, candidate=arm) for arm in others], rule, resampled, parts),
        "not_the_claim": _contrast(find(resampled, to_real, rule, folds=parts), to_real, rule, resampled)
        if comparable else None,
        "fixed_pairs": fixed_pair.by_seed(predictions, claim.candidate, claim.baseline),
        "arms": {arm: resampled.arm(arm) for arm in predictions.arms},
    }  # fmt: skip


def rule_of(headline: Mapping[str, Any], evaluation: Evaluation) -> Rule:
    """The rule that a declared contrast is judged by."""
    return Rule(headline["level"], headline["margin"], evaluation.min_seeds, evaluation.min_groups, QUICK_LOOK)


def corrected(record: Mapping[str, Any], p_holm: float, rule: Rule, family: int) -> dict[str, Any]:
    """The record of a study, from `evaluate`, whose declared contrast is one of ``family``: judged again with its p."""
    was = record["headline"]
    detectable = minimum_detectable_gain(
        Components(**was["components"]), rule.level, family=family, replicates=was["replicates"]
    )
    evidence = Evidence(
        was["difference"], was["low"], was["high"], was["equivalence_low"], was["equivalence_high"],
        was["p_bootstrap"], was["p_sign_flip"], record["seeds"], record["n_groups"], detectable, p_holm,
        max(len(record["folds"]), 1),
    )  # fmt: skip
    word, reasons = judge(evidence, rule)
    said = sentence(
        word, reasons, evidence, rule, **{key: was[key] for key in ("candidate", "baseline", "metric")},
        images=record["n_test"], condition=record["verdict"]["condition"],
    )  # fmt: skip
    judged = {"word": word, "reasons": reasons}
    return {
        **record, "headline": {**was, **judged, **_detectable(detectable), "p_holm": p_holm},
        "verdict": {**record["verdict"], **judged, "sentence": said},
    }  # fmt: skip


def find(resampled: Resampled, pair: Pair, rule: Rule, *, family: int = 1, folds: int = 1) -> Found | NotEstimable:
    """Difference, interval, p-values and minimum detectable gain of one pair of arms, paired by patient and seed.

    ``family``: contrasts that it will be corrected over; ``folds``: test parts that its patients come from.
    """
    if (why := resampled.refusal(pair.metric)) is not None:
        return why
    p, replicates = resampled.predictions, resampled.replicates[pair.metric]
    a, b = p.arms.index(pair.candidate), p.arms.index(pair.baseline)
    per_seed = replicates.point[a] - replicates.point[b]
    drawn, components = two_level(
        per_seed, replicates.values[:, a] - replicates.values[:, b], resampled.seed_weights,
        level=rule.level, n_groups=p.n_groups, fitted=resampled.fitted(pair.metric),
    )  # fmt: skip
    evidence = Evidence(
        float(per_seed.mean()), *interval(drawn, rule.level), *interval(drawn, rule.equivalence_level),
        bootstrap_p(drawn), sign_flip_p(per_seed), len(p.seeds), p.n_groups,
        minimum_detectable_gain(components, rule.level, family=family, replicates=resampled.count(pair.metric)),
        folds=folds,
    )  # fmt: skip
    jackknife = resampled.jackknife(pair.metric)
    accelerated = acceleration((jackknife[:, a] - jackknife[:, b]).mean(1), components)
    limits = (
        accelerated
        if isinstance(accelerated, NotEstimable)
        else bca(drawn, evidence.difference, accelerated, rule.level)
    )
    return Found(evidence, per_seed.tolist(), components, equivalence_p(drawn, rule.margin), limits)


def _contrast(found: Found | NotEstimable, pair: Pair, rule: Rule, resampled: Resampled) -> dict[str, Any]:
    """The JSON-ready record of one contrast."""
    record: dict[str, Any] = {**asdict(pair), "margin": rule.margin}
    if isinstance(found, NotEstimable):
        return record | dict.fromkeys(_NUMBERS) | {
            "per_seed": [], "word": INCONCLUSIVE, "reasons": [found.why], "why": found.why,
        }  # fmt: skip
    known = found.evidence
    word, reasons = judge(known, rule)
    record |= {
        "difference": known.difference, "low": known.low, "high": known.high, "equivalence_low": known.inner_low,
        "equivalence_high": known.inner_high, "p_bootstrap": known.p_bootstrap, "p_sign_flip": known.p_sign_flip,
        "p": known.p, "p_equivalence": found.p_equivalence, "replicates": resampled.count(pair.metric), "word": word,
        "reasons": reasons,
        "per_seed": found.per_seed, "components": asdict(found.components),
    }  # fmt: skip
    if isinstance(found.bca, NotEstimable):
        record |= {"bca_low": None, "bca_high": None, "bca_low_why": found.bca.why}
    else:
        record |= dict(zip(("bca_low", "bca_high"), found.bca, strict=True))
    return record | _detectable(known.detectable)


def _detectable(value: Value) -> dict[str, Any]:
    if isinstance(value, NotEstimable):
        return {"minimum_detectable_gain": None, "minimum_detectable_gain_why": value.why}
    return {"minimum_detectable_gain": value}


def _secondary(pairs: Sequence[Pair], rule: Rule, resampled: Resampled, folds: int) -> list[dict[str, Any]]:
    """Every other arm against the same baseline, p-values corrected over this family.

    All are of one metric on the same images: where one can be estimated, all can.
    """
    family = [find(resampled, pair, rule, family=len(pairs), folds=folds) for pair in pairs]
    adjusted = iter(holm([found.evidence.p for found in family if isinstance(found, Found)]))
    records = []
    for pair, found in zip(pairs, family, strict=True):
        if isinstance(found, Found):
            found = replace(found, evidence=replace(found.evidence, p_holm=next(adjusted)))
        p_holm = found.evidence.p_holm if isinstance(found, Found) else None
        records.append(_contrast(found, pair, rule, resampled) | {"p_holm": p_holm})
    return records


def _verdict(found: Found | NotEstimable, pair: Pair, rule: Rule, predictions: Predictions) -> dict[str, Any]:
    if isinstance(found, NotEstimable):
        said = f"{INCONCLUSIVE}: {pair.candidate} against {pair.baseline} cannot be judged: {found.why}"
        return {"word": INCONCLUSIVE, "sentence": said, "reasons": [found.why], "condition": None}
    conditions = (
        _condition(predictions.generator_seeds.get(pair.candidate, ()), found.evidence.folds),
        quick_look(found.evidence, rule),
    )
    condition = "; ".join(filter(None, conditions)) or None
    word, reasons = judge(found.evidence, rule)
    said = sentence(
        word, reasons, found.evidence, rule, **asdict(pair), images=len(predictions.labels),
        condition=condition,
    )  # fmt: skip
    return {"word": word, "sentence": said, "reasons": reasons, "condition": condition}


def _condition(generator_seeds: Sequence[int], folds: int) -> str | None:
    """To which trained generators a claim is limited; nothing where each training had a generator of its own."""
    different = len(set(generator_seeds))
    if different == 0:
        return None
    if different == 1:
        return f"conditional on {'this trained generator' if folds < 2 else f'these {folds} trained generators'}"
    if different < len(generator_seeds):
        return f"conditional on these {different * folds} trained generators"
    return f"with {different * folds} trained generators"


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
    """The gain table in plain text: a row per arm, the declared contrast first, in percent and percentage points."""
    headline = gains["headline"]
    metric, baseline = headline["metric"], headline["baseline"]
    contrasts = {each["candidate"]: each for each in [headline, *gains["secondary"]]}
    head = ["arm", f"{metric.replace('_', ' ')}, %", f"difference to {baseline}, points", "p", "verdict"]
    rows = [head]
    for arm in dict.fromkeys([headline["candidate"], baseline, *contrasts, *gains["arms"]]):
        score = gains["arms"][arm][metric]
        cells = [arm, _with_limits(score, "mean", signed=False)]
        if arm in contrasts:
            each = contrasts[arm]
            p = each["p"] if arm == headline["candidate"] else each["p_holm"]
            cells += [_with_limits(each, "difference", signed=True), _short_p(p), each["word"]]
        else:
            cells += ["(baseline)" if arm == baseline else "(not compared)", "", ""]
        rows.append(cells)
    lines = _aligned(rows)
    marks = [">" if row[0] == headline["candidate"] else " " for row in rows]
    marked = [f"{mark} {line}" for mark, line in zip(marks, lines, strict=True)]
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

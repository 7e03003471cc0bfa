"""The report's tables, as rows of formatted cells. A number that is not there shows its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from synthgain.arms.arm import Arm, parse
from synthgain.dataset import SPLITS, ImageSet
from synthgain.report.figures import contrasts
from synthgain.report.wording import (
    METRICS,
    UNKNOWN,
    arm_order,
    describe,
    first_upper,
    interval,
    metric_form,
    metric_name,
    missing,
    p_value,
    points,
    share,
    shown,
)

ALL_CLASSES = "all classes"
FIRST_METRICS = ("balanced_accuracy", "macro_auroc", "accuracy", "macro_f1")


@dataclass(frozen=True)
class Named:
    """A name with a few words about it."""

    name: str
    about: str

    def __html__(self) -> str:
        about = Markup('<span class="about">{}</span>').format(self.about) if self.about else ""
        return Markup('<span class="name">{}</span> {}').format(self.name, about)

    def __str__(self) -> str:
        return f"{self.name} ({self.about})" if self.about else self.name


Cell = str | Markup | Named


@dataclass(frozen=True)
class Row:
    cells: Sequence[Cell]
    """The first one heads the row."""
    kind: str = ""
    """``lead`` for the row that matters most, ``quiet`` for one that is not evidence."""


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Row]
    caption: str = ""
    text: frozenset[int] = field(default_factory=frozenset)
    """Columns that hold text, not numbers."""
    shape: str = ""
    """``even`` for columns of equal width, ``narrow`` for a table that need not fill the page."""


def word_chip(word: str) -> Markup:
    """A verdict's word with its shape, so that it does not depend on colour."""
    shape = {"gain": "▲", "loss": "▼", "no difference": "■", "inconclusive": "●"}.get(word, "●")
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(
        word.replace(" ", "-"), shape, word
    )


def _aside(text: str) -> Markup:
    return Markup('<span class="ci">{}</span>').format(text)


def arm_name(name: str, note: str = "") -> Named:
    """An arm with what it trains on."""
    return Named(name, " · ".join(filter(None, [describe(name), note])))


def contrast_table(gains: Mapping[str, Any]) -> Table:
    """Every difference between two arms: points, both tests, Holm's correction, word."""
    rows = []
    for role, contrast in contrasts(gains):
        claim = role != "not the claim"
        name = Named(contrast["candidate"], f"against {contrast['baseline']}")
        word = word_chip(contrast["word"]) if claim else "not the claim"
        if contrast.get("difference") is None:
            rows.append(Row([name, missing(contrast), "", "", "", "", word]))
            continue
        holm = (
            shown(contrast, "p_holm", p_value)
            if role == "secondary"
            else _aside("not needed" if claim else "not tested")
        )
        rows.append(Row([
            name, interval(contrast, "difference", points),
            shown(contrast, "p_bootstrap", p_value), shown(contrast, "p_sign_flip", p_value), holm,
            shown(contrast, "minimum_detectable_gain", lambda value: points(value, signed=False)),
            word,
        ], {"headline": "lead", "not the claim": "quiet"}.get(role, "")))  # fmt: skip
    head = ["Comparison", "Difference, points", "p bootstrap", "p sign-flip", "p Holm", "Detectable, points", "Verdict"]
    return Table(head, rows, text=frozenset([6]))


def detail_table(gains: Mapping[str, Any]) -> Table:
    """What stands behind each contrast beside its interval: the accelerated interval and the test of equivalence."""
    rows = [
        Row(
            [Named(each["candidate"], f"against {each['baseline']}"), _bca(each), shown(each, "p_equivalence", p_value)]
        )
        for _, each in contrasts(gains)
    ]
    return Table(["Comparison", "BCa interval, points", "p equivalence"], rows)


def _bca(contrast: Mapping[str, Any]) -> str | Markup:
    if contrast.get("bca_low") is None or contrast.get("bca_high") is None:
        return missing(contrast, "bca_low")
    return f"{points(contrast['bca_low'])} to {points(contrast['bca_high'])}"


def fixed_pair_table(gains: Mapping[str, Any]) -> Table | None:
    """McNemar's and DeLong's tests of the pair of models that each seed trained for the declared comparison."""
    pairs = gains.get("fixed_pairs")
    if not pairs:
        return None
    rows = [
        Row([
            f"seed {each['seed']}", f"{each['mcnemar']['candidate_only']:,}", f"{each['mcnemar']['baseline_only']:,}",
            p_value(each["mcnemar"]["p_exact"]), p_value(each["mcnemar"]["p_mid"]),
            shown(each["delong"], "difference", points), shown(each["delong"], "p", p_value),
        ])
        for each in pairs["per_seed"]
    ]  # fmt: skip
    head = [
        "Pair of models", "Only candidate right", "Only baseline right", "p McNemar, exact", "p McNemar, mid-p",
        "Macro AUROC, points", "p DeLong",
    ]  # fmt: skip
    return Table(head, rows)


def arm_table(gains: Mapping[str, Any], metrics: Sequence[str]) -> Table:
    """Every confirmed arm on the test images, by ``metrics``."""
    arms, headline = gains["arms"], gains.get("headline") or {}
    rows = []
    for arm in arm_order(arms):
        note = {headline.get("candidate"): "candidate", headline.get("baseline"): "what must be beaten"}.get(arm, "")
        cells = [interval(arms[arm].get(metric), form=metric_form(metric)) for metric in metrics]
        rows.append(Row([arm_name(arm, note), *cells], "lead" if note == "candidate" else ""))
    return Table(["Arm", *(first_upper(metric_name(metric)) for metric in metrics)], rows)


def without_interval(gains: Mapping[str, Any], metrics: Sequence[str]) -> list[str]:
    """Why numbers of `arm_table` stand without an interval, and what calibration errors are by chance."""
    lines: dict[str, None] = {}
    for arm, scores in gains["arms"].items():
        for metric in metrics:
            record = scores.get(metric) or {}
            if record.get("mean") is not None and record.get("low") is None:
                lines[f"{first_upper(metric_name(metric))} without interval: {record.get('low_why') or UNKNOWN}."] = (
                    None
                )
            if record.get("null") is not None:
                lines[f"{first_upper(metric_name(metric))} of {arm} by chance alone: {share(record['null'])}."] = None
    return list(lines)


def other_metrics(gains: Mapping[str, Any]) -> list[str]:
    """The measures of the arms beside `FIRST_METRICS`, known ones first."""
    present = {metric for scores in gains["arms"].values() for metric in scores} - {"recall", *FIRST_METRICS}
    return sorted(
        present, key=lambda metric: (list(METRICS).index(metric) if metric in METRICS else len(METRICS), metric)
    )


def ratio_table(scores: pd.DataFrame, plan: Mapping[str, Any]) -> Table:
    """Screening: the claimed measure on validation, a row per generator, a column per ratio of synthetic to real."""
    chosen = [plan["headline"]["candidate"], plan["headline"]["baseline"]]
    cells: dict[tuple[str, float], Markup] = {}
    for name, values in scores.groupby("arm", sort=False)[plan["headline"]["metric"]]:
        arm = parse(str(name))
        if _has_ratio(arm):
            row = arm.control or f"{arm.generator}{'' if arm.filtered else ', unfiltered'}"
            cells[row, arm.ratio] = _screened(values, name in chosen)
    ratios = sorted({ratio for _, ratio in cells})
    rows = [
        Row([row, *(cells.get((row, ratio), "not screened") for ratio in ratios)])
        for row in dict.fromkeys(row for row, _ in cells)
    ]
    return Table(["Generator", *(f"{ratio:g} per real image" for ratio in ratios)], rows, shape="even")


def _has_ratio(arm: Arm) -> bool:
    return arm.generator is not None and arm.name != arm.control and not arm.whole


def baseline_table(scores: pd.DataFrame, plan: Mapping[str, Any]) -> Table:
    """Screening: the arms without a ratio of their own."""
    chosen = plan["headline"]["baseline"]
    rows = [
        Row([arm_name(str(name)), _screened(values, name == chosen)])
        for name, values in scores.groupby("arm", sort=False)[plan["headline"]["metric"]]
        if not _has_ratio(parse(str(name)))
    ]
    head = f"{first_upper(metric_name(plan['headline']['metric']))} on validation"
    return Table(["Arm", head], rows, shape="narrow")


def _screened(values: pd.Series, chosen: bool) -> Markup:
    known = values.dropna()
    if known.empty:
        return Markup('<span class="missing">no score</span>')
    each = ", ".join(share(value).removesuffix(" %") for value in known)
    mark = Markup(' <span class="chosen">chosen</span>') if chosen else ""
    cell = Markup('<span class="number">{}</span> <span class="ci">({})</span>{}')
    return cell.format(share(float(known.mean())), each, mark)


def counts(images: ImageSet) -> list[dict[str, Any]]:
    """Images and groups (patients, or near-duplicates) of each class, and of all classes, in each split."""
    table = images.table
    splits = [split for split in (*SPLITS, "unused") if (table["split"] == split).any()]
    return [
        {"class": label, "split": split, "images": int(chosen.sum()), "groups": int(table["group"][chosen].nunique())}
        for label in (*images.classes, ALL_CLASSES)
        for split in splits
        for chosen in [(table["split"] == split) & ((table["label"] == label) | (label == ALL_CLASSES))]
    ]


def counts_table(counted: Sequence[Mapping[str, Any]]) -> Table:
    """A row per class, a column per split, from `counts`."""
    cells: dict[str, dict[str, Markup]] = {}
    for entry in counted:
        cells.setdefault(entry["class"], {})[entry["split"]] = Markup(
            '<span class="number">{}</span> <span class="ci">({})</span>'
        ).format(f"{entry['images']:,}", f"{entry['groups']:,}")
    rows = [Row([label, *each.values()], "lead" if label == ALL_CLASSES else "") for label, each in cells.items()]
    names = {"train": "Train", "val": "Validation", "test": "Test", "unused": "Not used"}
    return Table(["Class", *(names[split] for split in dict.fromkeys(entry["split"] for entry in counted))], rows)


def facts_table(facts: Mapping[str, Any]) -> Table:
    """What was found in the raw data."""
    shown_facts = {
        "Images": f"{facts['images']:,}",
        "Known patients": f"{facts['patients']:,}",
        "Groups that are never parted (patients, near-duplicates)": f"{facts['groups']:,}",
        "Near-duplicates": f"{facts['images_in_duplicate_groups']:,} images in {facts['duplicate_groups']:,} sets",
        "Original sizes, pixels": _listed(facts["sizes"]),
        "Original pixel formats": _listed(facts["modes"]),
        "Quarantined": _listed(facts["quarantine"]) if facts["quarantine"] else "0",
    }
    return Table(["Fact", "Value"], [Row([name, value]) for name, value in shown_facts.items()], text=frozenset([1]))


def _listed(tally: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name} ({count:,})" for name, count in sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    )


def checks_table(validation: Mapping[str, Any]) -> Table:
    """What the validation stage looked at."""
    rows = [
        Row([check["name"], check["severity"], "passed" if check["success"] else Markup("<strong>failed</strong>"),
             str(check.get("detail") or "")], "" if check["success"] else "lead")
        for check in validation["checks"]
    ]  # fmt: skip
    return Table(["Check", "Severity", "Result", "Detail"], rows, text=frozenset([1, 2, 3]))


def plain_table(frame: pd.DataFrame, head: Sequence[str]) -> Table:
    """A table of text as it is."""
    rows = [Row([str(value) for value in values]) for values in frame.itertuples(index=False)]
    return Table(head, rows, text=frozenset(range(1, len(head))))


def pairs_table(values: Mapping[str, Any], head: tuple[str, str]) -> Table:
    """Names and their values."""
    rows = [Row([name, Markup("<code>{}</code>").format(str(value))]) for name, value in values.items()]
    return Table(head, rows, text=frozenset([1]))

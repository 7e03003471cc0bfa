"""What synthetic images are worth: other levels of labels, the learning curve, equivalents, and their sum in money."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from synthgain.report import drawing
from synthgain.report.drawing import BLUE, FAINT, INK, MUTED, NARROW, WIDE, WORD_COLOUR, styled
from synthgain.report.tables import Named, Row, Table, arm_name, word_chip
from synthgain.report.wording import arm_order, interval, metric_name, missing, p_value, points, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCRIPT = (Path(__file__).parent / "calculator.js").read_text()
_BOUNDS = ("low", "value", "high")


def script_hash() -> str:
    """The calculator's hash for the page's content security policy: no other script may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}"


def levels_table(gains: Mapping[str, Any], labels: float) -> Table | None:
    """A row per level of labels, the claim first; None where the study has one level only."""
    others = gains.get("levels") or {}
    if not others:
        return None
    rows = [_level(f"{100 * labels:g} %", gains, claim=True)]
    rows += [_level(f"{level} %", record, claim=False) for level, record in others.items()]
    head = ["Labels", "Contrast", "Without", "With", "Difference, points", "p Holm", "Verdict"]
    return Table(head, rows, text=frozenset([1, 6]))


def _level(labels: str, gains: Mapping[str, Any], *, claim: bool) -> Row:
    headline = gains["headline"]
    scores = [
        interval(gains["arms"].get(headline[role], {}).get(headline["metric"])) for role in ("baseline", "candidate")
    ]
    holm = Markup('<span class="ci">not needed</span>') if claim else shown(headline, "p_holm", p_value)
    contrast = f"{headline['candidate']} against {headline['baseline']}"
    name = Named(labels, "the claim" if claim else "")
    difference, word = interval(headline, "difference", points), word_chip(headline["word"])
    return Row([name, contrast, *scores, difference, holm, word], "lead" if claim else "")


def equivalents_table(gains: Mapping[str, Any]) -> Table | None:
    """Each arm with synthetic images: what it is worth in labelled real images, with its interval."""
    found = gains["learning_curve"]["equivalents"]
    if not found:
        return None
    candidate = gains["headline"]["candidate"]
    rows = [
        Row([arm_name(arm, "candidate" if arm == candidate else ""), *_worth(found[arm])],
            "lead" if arm == candidate else "")
        for arm in arm_order(found)
    ]  # fmt: skip
    return Table(["Arm", "Lower limit", "Estimate", "Upper limit"], rows)


def _worth(record: Mapping[str, Any]) -> list[str | Markup]:
    if record["value"] is None:
        return [missing(record), "", ""]
    return [f"{record[f'{name}_bound']} {_images(record[name])}".strip() for name in _BOUNDS]


def _images(count: int) -> str:
    return f"{'+' if count > 0 else '−' if count < 0 else ''}{abs(count):,}"


def curve_table(curve: Mapping[str, Any]) -> Table | None:
    """The learning curve in numbers."""
    if not curve["points"]:
        return None
    rows = [Row([f"{p['images']:,}", f"{p['groups']:,}", interval(p)]) for p in curve["points"]]
    return Table(["Training images", "Patients or groups", "Score on test"], rows, shape="narrow")


def calculator(gains: Mapping[str, Any]) -> dict[str, Any] | None:
    """The candidate's lower limit for the calculator; None where there is none."""
    record = gains["learning_curve"]["equivalents"].get(gains["headline"]["candidate"])
    if record is None or record["low"] is None:
        return None
    return {"images": record["low"], "at_most": record["low_bound"] == "at most"}


@styled
def learning_curve(gains: Mapping[str, Any], *, level: float, wide: bool = True) -> "Figure":
    """Score against the number of labelled training images, with the candidate's score across it."""
    from matplotlib.figure import Figure

    curve, headline = gains["learning_curve"], gains["headline"]
    figure = Figure(figsize=(WIDE if wide else NARROW, 3.2), layout="constrained")
    axes = figure.add_subplot()
    sizes = [point["images"] for point in curve["points"]]
    mean = [100 * point["mean"] for point in curve["points"]]
    low, high = ([100 * point[side] for point in curve["points"]] for side in ("low", "high"))
    axes.fill_between(sizes, low, high, color=FAINT, linewidth=0, alpha=0.6)
    axes.plot(sizes, mean, "o-", color=INK, markersize=5, label=f"{curve['arm']}, real images only")
    score = gains["arms"].get(headline["candidate"], {}).get(headline["metric"]) or {}
    if score.get("mean") is not None:
        colour = WORD_COLOUR.get(headline["word"], BLUE)
        axes.axhline(100 * score["mean"], color=colour, linewidth=1.6, label=headline["candidate"])
        if score["low"] is not None:
            axes.axhspan(100 * score["low"], 100 * score["high"], color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    # A label needs room: a size near the one before it, on this scale, is marked but not named.
    named = [place == 0 or size > 1.3 * sizes[place - 1] for place, size in enumerate(sizes)]
    axes.set_xticks(sizes, [f"{size:,}" if said else "" for size, said in zip(sizes, named, strict=True)])
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.set_xlabel("Labelled training images (log scale)")
    axes.set_ylabel(f"{metric_name(headline['metric'])}, %".capitalize())
    axes.legend(loc="upper left" if wide else "lower right")
    said = f"bands: {100 * level:g} % intervals over patients and seeds"
    axes.set_title(said, fontsize=8.5, color=MUTED, weight="normal")
    drawing.plain(axes, left=True)
    return figure

"""The figures: what was gained, recall by class, learning curves. Each comes wide (page, print) and narrow (phone)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthgain.report import drawing
from synthgain.report.drawing import BAND, FAINT, INK, MUTED, NARROW, WIDE, styled
from synthgain.report.wording import arm_order, metric_name, one_line, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Contrast = Mapping[str, Any]


def contrasts(gains: Mapping[str, Any]) -> list[tuple[str, Contrast]]:
    """Every contrast of ``gains.json`` with its role: ``headline``, ``secondary`` or ``not the claim``."""
    rows = [("headline", gains["headline"])] if gains.get("headline") else []
    rows += [("secondary", contrast) for contrast in gains.get("secondary") or ()]
    return rows + ([("not the claim", gains["not_the_claim"])] if gains.get("not_the_claim") else [])


@styled
def forest(gains: Mapping[str, Any], *, level: float = 0.95, wide: bool = True) -> "Figure":
    """Differences between arms with their intervals.

    Parameters
    ----------
    gains: the content of ``gains.json``.
    level: confidence level of the intervals in it.
    wide: a page's width, or a phone's.
    """
    from matplotlib.figure import Figure

    rows = contrasts(gains)
    height = (0.40 if wide else 0.66) * len(rows) + (1.15 if wide else 1.6)
    figure = Figure(figsize=(WIDE if wide else NARROW, height))
    left, right = (0.33, 0.68) if wide else (0.03, 0.97)
    axes = figure.add_axes((left, (0.75 if wide else 1.2) / height, right - left, 1 - (1.0 if wide else 1.45) / height))
    for y, (role, contrast) in zip(_places(rows), rows, strict=True):
        _forest_row(axes, y, role, contrast, wide)
    _forest_frame(axes, rows, wide)
    margin = rows[0][1].get("margin") if rows else None
    notes = [f"bars: {100 * level:g} % intervals over patients and seeds", "ticks: single seeds"]
    notes += [f"shaded: ±{100 * margin:g} points, too small to matter"] if margin else []
    about = rows[0][1] if rows else {"baseline": "", "metric": ""}
    within, after = (" ", " · ") if wide else ("\n", "\n")
    measured = f"Difference to {about['baseline']} in {metric_name(str(about['metric']))},{within}percentage points"
    axes.set_xlabel(f"{measured}\n{after.join(notes)}", fontsize=8.5)
    axes.xaxis.label.set_color(MUTED)
    return figure


_GAP = 0.35
"""Distance, in rows, between the contrasts of the claim and the one that is not."""


def _places(rows: Sequence[tuple[str, Contrast]]) -> list[float]:
    return [place + (_GAP if role == "not the claim" else 0) for place, (role, _) in enumerate(rows)]


def _forest_row(axes: "Axes", y: float, role: str, contrast: Contrast, wide: bool) -> None:
    lead, claim = role == "headline", role != "not the claim"
    word = str(contrast.get("word") or "inconclusive")
    colour = drawing.WORD_COLOUR.get(word, MUTED) if claim else MUTED
    difference, low, high = (contrast.get(name) for name in ("difference", "low", "high"))
    if difference is None:
        text = f"not estimable: {one_line(str(contrast.get('why') or 'no reason given'), 34)}"
    else:
        text = points(difference)
        if low is not None and high is not None:
            text += f"  ({points(low)} to {points(high)})"
            _bar(axes, y, low, high, colour, 3 if lead else 1.6)
        seeds = [100 * value for value in contrast.get("per_seed") or () if value is not None]
        axes.plot(seeds, [y + 0.2] * len(seeds), "|", color=colour, alpha=0.55, markersize=4.5, markeredgewidth=0.9)
        axes.plot(
            100 * difference, y, drawing.WORD_MARKER.get(word, "o") if claim else "o", color=colour,
            markerfacecolor=colour if claim else "white", markersize=9 if lead else 6, markeredgewidth=1.4,
        )  # fmt: skip
    said = ("" if difference is None else word) if claim else "not the claim"
    label = one_line(str(contrast["candidate"]), 34)
    if not claim:
        label = f"{one_line(label, 26)} vs {one_line(str(contrast['baseline']), 12)}"
    _forest_text(axes, y, (label, text, said), "bold" if lead else "normal", (INK if claim else MUTED, colour), wide)


def _bar(axes: "Axes", y: float, low: float, high: float, colour: str, width: float) -> None:
    """An interval of shares, drawn in percent."""
    axes.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=width, solid_capstyle="butt")


def _forest_text(
    axes: "Axes", y: float, texts: tuple[str, str, str], weight: str, colours: tuple[str, str], wide: bool
) -> None:
    from matplotlib.transforms import blended_transform_factory

    label, text, said = texts
    style: dict[str, Any] = {
        "transform": blended_transform_factory(axes.figure.transFigure, axes.transData),
        "va": "center",
        "weight": weight,
    }
    if wide:
        axes.text(0.315, y, label, ha="right", color=colours[0], **style)
        axes.text(0.70, y, text, color=colours[0], **style)
        axes.text(0.885, y, said, color=colours[1], **style)
    else:
        axes.text(0.03, y - 0.50, label, color=colours[0], fontsize=8.5, **style)
        axes.text(0.03, y - 0.24, text, color=colours[0], fontsize=8.5, **style)
        axes.text(0.97, y - 0.24, said, ha="right", color=colours[1], fontsize=8.5, **style)


def _forest_frame(axes: "Axes", rows: Sequence[tuple[str, Contrast]], wide: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    last = max(_places(rows), default=0)
    axes.set_ylim(last + 0.5, -0.5 if wide else -0.75)
    axes.set_yticks([])
    drawing.plain(axes)
    margin = 100 * (rows[0][1].get("margin") or 0) if rows else 0
    # On a phone the text stands between the intervals: scale lines are drawn beside the intervals only.
    spans = [(last + 0.5, -0.5)] if wide else [(y - 0.1, y + 0.3) for y in _places(rows)]
    for low, high in spans:
        axes.fill_between([-margin, margin], low, high, color=BAND, zorder=0, linewidth=0)
        axes.vlines(0, low, high, color=INK, linewidth=1, zorder=1)
    axes.grid(axis="x", visible=wide)
    axes.xaxis.set_major_locator(MaxNLocator(6 if wide else 5, steps=[1, 2, 5, 10]))
    low, high = axes.get_xlim()
    pad = 0.03 * (high - low)
    axes.set_xlim(min(low, -3) - pad, max(high, 3) + pad)
    top = axes.get_xaxis_transform()
    axes.annotate("← worse", (0, 1), (-6, 3), top, "offset points", ha="right", va="bottom", color=MUTED, fontsize=8.5)
    axes.annotate("better →", (0, 1), (6, 3), top, "offset points", ha="left", va="bottom", color=MUTED, fontsize=8.5)


@styled
def recall(gains: Mapping[str, Any], *, level: float = 0.95, wide: bool = True) -> "Figure":
    """Share of each class's test images that each arm recognises, with intervals: a panel per class."""
    from matplotlib.figure import Figure

    classes, arms = list(gains["classes"]), arm_order(gains["arms"])
    across = min(len(classes), 4) if wide else 1
    down = -(-len(classes) // across)
    height = down * (0.27 * len(arms) + 0.45) + 0.55
    figure = Figure(figsize=(WIDE if wide else NARROW, height), layout="constrained")
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    headline = gains.get("headline") or {}
    for panel, axes in enumerate(grid.flat):
        if panel >= len(classes):
            axes.set_visible(False)
            continue
        axes.set_title(one_line(str(classes[panel]), 19))
        for y, arm in enumerate(arms):
            _recall_row(axes, y, gains["arms"][arm].get("recall", {}).get(classes[panel]), _role(arm, headline))
        axes.set_yticks(range(len(arms)), [one_line(arm, 24) for arm in arms])
        for tick, arm in zip(axes.get_yticklabels(), arms, strict=False):
            tick.set_color(_role(arm, headline))
        axes.grid(axis="x")
        axes.set_xlim(0, 100)
        drawing.plain(axes)
    grid[0, 0].set_ylim(len(arms) - 0.5, -0.5)
    note = f"Recall on the test images, % (bars: {100 * level:g} % intervals)"
    figure.supxlabel(note if wide else note.replace(" (", "\n("), fontsize=9, color=MUTED)
    return figure


def _role(arm: str, headline: Contrast) -> str:
    """The colour of an arm: the candidate, the baseline that it must beat, any other."""
    return {headline.get("candidate"): drawing.BLUE, headline.get("baseline"): INK}.get(arm, MUTED)


def _recall_row(axes: "Axes", y: int, record: Mapping[str, Any] | None, colour: str) -> None:
    if record is None or record.get("mean") is None:
        axes.text(50, y, "not estimable", ha="center", va="center", color=MUTED, fontsize=8)
        return
    if record.get("low") is not None and record.get("high") is not None:
        _bar(axes, y, record["low"], record["high"], colour, 1.8)
    axes.plot(100 * record["mean"], y, "o", color=colour, markersize=5)


@styled
def classifier_curves(history: pd.DataFrame, headline: Contrast, *, wide: bool = True) -> "Figure":
    """Validation balanced accuracy during training, a panel per arm, a line per seed.

    ``history`` has the columns arm, seed, step and val_balanced_accuracy; rows without a value are steps between looks.
    """
    from matplotlib.figure import Figure

    looks = history.dropna(subset=["val_balanced_accuracy"])
    arms = arm_order(looks["arm"].unique())
    across = min(len(arms), 3 if wide else 2)
    down = -(-len(arms) // across)
    figure = Figure(figsize=(WIDE if wide else NARROW, 1.55 * down + 0.5), layout="constrained")
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(arms) :]:
        axes.set_visible(False)
    for axes, arm in zip(grid.flat, arms, strict=False):
        table = looks[looks["arm"] == arm].pivot_table(index="step", columns="seed", values="val_balanced_accuracy")
        axes.plot(table.index, 100 * table.to_numpy(), color=FAINT, linewidth=0.9)
        axes.plot(table.index, 100 * table.mean(axis=1), color=_role(arm, headline), linewidth=2)
        axes.set_title(one_line(arm, 30 if wide else 22), fontsize=9 if wide else 8)
        axes.grid(axis="y")
        drawing.plain(axes)
    figure.supxlabel("optimisation step", fontsize=9, color=MUTED)
    figure.supylabel("balanced accuracy, %", fontsize=9, color=MUTED)
    return figure


@styled
def generator_curves(histories: Mapping[str, pd.DataFrame], *, wide: bool = True) -> "Figure":
    """Training losses, a panel per generator; ``histories`` have ``step`` and a column per quantity."""
    from matplotlib.figure import Figure

    across = min(len(histories), 3) if wide else 1
    down = -(-len(histories) // across)
    figure = Figure(figsize=(WIDE if wide else NARROW, 2.0 * down + 0.3), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(histories) :]:
        axes.set_visible(False)
    colours = (drawing.BLUE, drawing.VERMILLION, drawing.GREEN, drawing.ORANGE, drawing.PURPLE)
    for axes, (name, history) in zip(grid.flat, histories.items(), strict=False):
        for place, quantity in enumerate(c for c in history.columns if c != "step"):
            known = history[["step", quantity]].dropna()
            axes.plot(known["step"], _smooth(known[quantity].to_numpy(float)), color=colours[place % 5], label=quantity)
        axes.set_title(one_line(name))
        axes.grid(axis="y")
        axes.legend(loc="best")
        drawing.plain(axes)
    figure.supxlabel("training step", fontsize=9, color=MUTED)
    figure.supylabel("loss (own units)", fontsize=9, color=MUTED)
    return figure


def _smooth(values: np.ndarray, window: int = 15) -> np.ndarray:
    """Centred running mean that shrinks at the ends, so that a noisy loss shows its course."""
    frame = pd.Series(values)
    return frame.rolling(min(window, max(1, len(values) // 10)), center=True, min_periods=1).mean().to_numpy()

"""Figures: what they draw, and that their bytes are fixed."""

from html import escape
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from synthgain.report import drawing, figures
from synthgain.report.wording import one_line


@pytest.mark.parametrize("wide", [True, False])
def test_the_forest_plot_has_a_row_with_text_for_every_contrast(toy: ModuleType, wide: bool) -> None:
    figure = figures.forest(toy.gains("loss"), wide=wide)
    written = " ".join(found.get_text() for found in figure.axes[0].texts)
    for expected in ("synthetic-edm-r1", "−4.0  (−6.1 to −1.9)", "loss", "oracle", "not the claim"):
        assert expected in written
    assert "not estimable: one seed failed to finish" in written
    label = figure.axes[0].get_xlabel()
    assert "percentage points" in label
    assert "95 % intervals" in label


def test_text_is_never_read_as_formula_or_markup(toy: ModuleType) -> None:
    image = drawing.svg(figures.recall(toy.gains(), wide=False)).decode()
    assert escape(one_line(toy.HOSTILE, 19)) in image
    assert "<script" not in image


def test_bytes_are_the_same_on_every_drawing(toy: ModuleType) -> None:
    first, second = (figures.forest(toy.gains()) for _ in range(2))
    assert drawing.svg(first) == drawing.svg(second)
    picture = drawing.png(first)
    assert picture == drawing.png(second)
    assert b"tEXt" not in picture
    assert b"<dc:date>" not in drawing.svg(first)


def test_curves_are_drawn_for_every_arm_and_generator() -> None:
    steps = np.arange(50, 251, 50)
    history = pd.concat(
        pd.DataFrame({"arm": arm, "seed": seed, "step": steps, "val_balanced_accuracy": 0.5 + steps / 1000})
        for arm in ("classic", "synthetic-edm-r1") for seed in range(3)
    )  # fmt: skip
    shown = figures.classifier_curves(history, {"candidate": "synthetic-edm-r1", "baseline": "classic"})
    assert [axes.get_title(loc="left") for axes in shown.axes] == ["classic", "synthetic-edm-r1"]
    assert [len(axes.lines) for axes in shown.axes] == [4, 4]
    losses = figures.generator_curves({"edm": pd.DataFrame({"step": steps, "loss": 1.0 / steps})})
    assert [axes.get_title(loc="left") for axes in losses.axes if axes.get_visible()] == ["edm"]


def cut_off(figure: Figure) -> list[str]:
    """Texts that reach over an edge of the figure."""
    figure.draw_without_rendering()
    edges = figure.bbox
    ticks = [label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text not in ticks]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [said for said, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > edges.x1 + 1 or box.y1 > edges.y1 + 1]


@pytest.mark.parametrize("wide", [True, False])
def test_no_text_of_the_forest_plot_is_cut_off(toy: ModuleType, wide: bool) -> None:
    gains = toy.gains("loss")
    gains["headline"]["baseline"] = "oversample"
    assert cut_off(figures.forest(gains, wide=wide)) == []
    assert cut_off(figures.recall(toy.gains(), wide=wide)) == []

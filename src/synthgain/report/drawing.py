"""How every figure looks, and its bytes: the same ones for the same data on the same versions."""

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette (jfly.uni-koeln.de/color), distinguishable with any form of colour blindness.
GREEN, VERMILLION, BLUE, ORANGE, SKY, PURPLE = "#009E73", "#D55E00", "#0072B2", "#E69F00", "#56B4E9", "#CC79A7"
INK, MUTED, FAINT, BAND = "#1b2128", "#5b6672", "#c9d0d7", "#eef1f4"
WORD_COLOUR = {"gain": GREEN, "loss": VERMILLION, "no difference": BLUE, "inconclusive": MUTED}
WORD_MARKER = {"gain": "^", "loss": "v", "no difference": "s", "inconclusive": "o"}
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDE, NARROW = 8.6, 3.5
"""Figure widths in inches for a page and for a phone, at 100 CSS pixels per inch."""
PNG_DPI = 200
"""Dots per inch."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "synthgain", "text.parse_math": False, "axes.unicode_minus": True,
    "font.family": "DejaVu Sans", "font.size": 9.5, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelsize": 9,
    "axes.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5,
    "xtick.major.size": 3, "ytick.major.size": 0, "grid.color": "#e6eaee", "grid.linewidth": 0.8,
    "legend.frameon": False, "legend.fontsize": 8.5, "figure.facecolor": "white",
}  # fmt: skip

Drawer = TypeVar("Drawer", bound=Callable[..., Any])


def styled(draw: Drawer) -> Drawer:
    """Run ``draw`` with the house style, whatever the caller's own settings are."""

    @functools.wraps(draw)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(cast(Any, _STYLE))
            return draw(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


@styled
def svg(figure: "Figure") -> bytes:
    """The figure as SVG with real text in the reader's own sans-serif font; it keeps the layout that it gets here."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.BytesIO()
    # `savefig` would draw everything twice, the first time for the layout alone.
    FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")
    return stream.getvalue().replace(b"'DejaVu Sans'", FONTS.replace("'", "&quot;").encode())


@styled
def png(figure: "Figure") -> bytes:
    """The figure as PNG at `PNG_DPI`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    figure.set_dpi(PNG_DPI)
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def plain(axes: "Axes", *, left: bool = False) -> None:
    """Only the axis that carries a scale keeps its line."""
    axes.spines["left"].set_visible(left)
    axes.tick_params(axis="y", length=0)

"""Numbers and names as a reader sees them."""

import pytest

from synthgain.report import wording


def test_differences_are_signed_percentage_points() -> None:
    assert wording.points(0.0312) == "+3.1"
    assert wording.points(-0.004) == "−0.4"
    assert wording.points(0.027, signed=False) == "2.7"


def test_small_p_values_are_bounded_not_zero() -> None:
    assert wording.p_value(0.0) == "< 0.001"
    assert wording.p_value(0.0078) == "0.008"


def test_a_number_that_is_not_there_gives_its_reason_escaped() -> None:
    shown = wording.interval({"mean": None, "why": "no <b> images"})
    assert "no &lt;b&gt; images" in shown
    assert wording.plain_text(wording.shown({"p": None}, "p")) == wording.UNKNOWN


def test_figure_labels_are_one_printable_line() -> None:
    assert wording.one_line("a\nb\x00") == "a\ufffdb\ufffd"
    assert len(wording.one_line("x" * 100, 20)) <= 20


@pytest.mark.parametrize(
    "name, part",
    [
        ("classic", "augmented"),
        ("oversample", "equally often"),
        ("duplicate", "control"),
        ("oracle-r2", "fresh true images"),
        ("synthetic-edm-r0.5-unfiltered", "0.5 synthetic per real image, from edm, unfiltered"),
    ],
)
def test_every_arm_is_described(name: str, part: str) -> None:
    assert part in wording.describe(name)


def test_arms_come_from_plain_to_artificial() -> None:
    names = ["oracle", "synthetic-edm-r1", "duplicate", "classic", "real", "oversample"]
    assert wording.arm_order(names) == ["real", "classic", "oversample", "duplicate", "synthetic-edm-r1", "oracle"]

"""What synthetic images are worth, as tables."""

from types import ModuleType

from synthgain.report import worth
from synthgain.report.wording import plain_text


def cells(row: object) -> list[str]:
    return [plain_text(str(cell)) for cell in row.cells]  # type: ignore[attr-defined]


def test_levels_are_shown_beside_the_claim_and_only_where_there_are_any(toy: ModuleType) -> None:
    gains = toy.gains("gain")
    assert worth.levels_table(gains, 1.0) is None
    other = toy.gains("loss")
    other["headline"]["p_holm"] = 0.031
    table = worth.levels_table(gains | {"levels": {"10": other}}, 1.0)
    assert table is not None
    assert [row.kind for row in table.rows] == ["lead", ""]
    assert "0.031" in cells(table.rows[1])[5]
    assert "loss" in cells(table.rows[1])[6].lower()


def test_equivalents_carry_their_bounds_or_the_reason_for_their_absence(toy: ModuleType) -> None:
    table = worth.equivalents_table(toy.gains())
    assert table is not None
    rows = {cells(row)[0].split()[0]: cells(row)[1:] for row in table.rows}
    assert rows["synthetic-edm-r1"] == ["−12", "+31", "at least +96"]
    assert "does not rise" in rows["oracle"][0]


def test_the_calculator_has_the_candidates_lower_limit(toy: ModuleType) -> None:
    gains = toy.gains()
    assert worth.calculator(gains) == {"images": -12, "at_most": False}
    none = gains["learning_curve"] | {"equivalents": {}}
    assert worth.calculator(gains | {"learning_curve": none}) is None


def test_a_study_without_a_curve_shows_no_tables(toy: ModuleType) -> None:
    none = {"arm": "classic", "points": [], "equivalents": {}, "why": "no learning curve was asked for"}
    assert worth.curve_table(none) is None
    assert worth.equivalents_table(toy.gains() | {"learning_curve": none}) is None

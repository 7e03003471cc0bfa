"""What the audit of each generator's images says: fidelity, selection, privacy."""

from collections.abc import Mapping
from typing import Any

from synthgain.report.material import Material
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import generator_order, share

Reports = Mapping[str, Mapping[str, Any]]


def fidelity_table(fidelity: Reports) -> Table:
    return Table(["Generator"], [Row([name]) for name in fidelity])


def recognition_table(fidelity: Reports) -> Table | None:
    return None


def selection_table(selection: Reports) -> Table:
    """What was drawn, kept and dropped of each generator, from ``selection.json``."""
    rows = []
    for name in generator_order(selection):
        found = selection[name]
        aside = "" if found["enough"] else f"fewer than the {found['needed']:,} that the largest ratio needs"
        rows.append(Row([Named(name, found["why"] or aside), *_selected(found["all"])]))
    return Table(["Generator", *_SELECTED], rows)


def selection_by_class(selection: Reports) -> Table | None:
    """The same for each class of the generators that were filtered."""
    rows = [
        Row([f"{name}: {label}", *_selected(counts)])
        for name in generator_order(selection)
        if selection[name]["filtered"]
        for label, counts in selection[name]["classes"].items()
    ]
    return Table(["Generator: class", *_SELECTED], rows) if rows else None


_SELECTED = ("Drawn", "Kept", "Dropped for confidence", "Dropped for similarity")


def _selected(counts: Mapping[str, int]) -> list[str]:
    kept = f"{counts['kept']:,} ({share(counts['kept'] / counts['drawn'])})" if counts["drawn"] else "0"
    return [
        f"{counts['drawn']:,}",
        kept,
        f"{counts['rejected_by_confidence']:,}",
        f"{counts['rejected_by_similarity']:,}",
    ]


def privacy_table(privacy: Reports) -> Table:
    return Table(["Generator"], [Row([name]) for name in privacy])


def privacy_wording(privacy: Reports) -> list[dict[str, str]]:
    return []


def galleries(material: Material) -> list[dict[str, Any]]:
    return []

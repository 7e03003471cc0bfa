"""What the privacy audit of each generator says: every test, its finding, its power."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from synthgain.arms.arm import CONTROLS
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import generator_order, interval, missing, number, p_value, share, shown

Reports = Mapping[str, Mapping[str, Any]]
_TESTS = {"duplicates": "near-copies in pixels", "copy_detector": "learned copy detector"}


def privacy_table(privacy: Reports) -> Table:
    """A row per generator: the tests, pooled over classes, and whether images or weights give patients away."""
    rows = []
    for name in generator_order(privacy):
        record = privacy[name]
        membership = record["membership"]
        cells = [
            shown(record["duplicates"], "share", share),
            _beside_real(record["copy_detector"]),
            _nearer(record["nearer_to_train"]["pixels"]),
            _beside_real(record["authenticity"]["pixels"]),
            interval(membership["auroc"], "value", _two),
            _finding(record, "flagged_images"),
            _finding(record, "flagged_weights") if membership["p"] is not None else "not tested",
        ]
        rows.append(Row([_named(name), *cells]))
    head = ["Generator", "Near-copies", "Learned copies (real)", "Nearer to train (expected)", "Authentic (real)",
            "Membership AUROC", "Images", "Weights"]  # fmt: skip
    return Table(head, rows, text=frozenset([6, 7]))


def power_table(privacy: Reports) -> Table:
    """How many planted copies of each kind each test for copies found, and what it takes to be flagged."""
    kinds = list(dict.fromkeys(
        kind for record in privacy.values() for test in _TESTS for kind in record[test].get("power", {})
    ))  # fmt: skip
    rows = []
    for name in generator_order(privacy):
        for test, title in _TESTS.items():
            found = privacy[name][test]
            each = [interval(found["power"].get(kind, found), "share") for kind in kinds]
            needed = "one image" if test == "duplicates" else shown(found, "needed", share)
            rows.append(Row([Named(f"{name}: {title}", ""), *each, needed]))
    return Table(["Generator: test", *(f"{kind} copies" for kind in kinds), "Flagged from"], rows)


def by_class(privacy: Reports, classes: Sequence[str]) -> Table:
    """The tests of the images, class by class."""
    rows = []
    for name in generator_order(privacy):
        record = privacy[name]
        for label in classes:
            copies, nearer = record["copy_detector"], record["nearer_to_train"]["pixels"]
            cells = [
                interval(record["duplicates"]["per_class"][label], "share"),
                interval(copies.get("per_class", {}).get(label, copies), "share"),
                _nearer(nearer["per_class"][label]),
                _beside_real(record["authenticity"]["pixels"]["per_class"][label]),
                _beside_real(record["authenticity"]["features"]["per_class"][label]),
            ]
            rows.append(Row([f"{name}: {label}", *cells]))
    head = ["Generator: class", "Near-copies", "Learned copies", "Nearer to train (expected)",
            "Authentic in pixels (real)", "Authentic in features (real)"]  # fmt: skip
    return Table(head, rows)


def membership_table(privacy: Reports) -> Table:
    """The attacks on the trained generators' weights, score by score."""
    rows = []
    for name in (name for name in generator_order(privacy) if name not in CONTROLS):
        record = privacy[name]["membership"]
        scores = "; ".join(f"{score}: {_two(area)}" for score, area in record["per_score"].items() if area is not None)
        canaries = record.get("canaries")
        cells = [
            f"{record['n_members']:,}, {record['n_non_members']:,}",
            interval(record["auroc"], "value", _two),
            shown(record, "p", p_value),
            shown(record, "detectable", _two),
            interval(record["tpr"], "value"),
            scores or missing(record),
            f"{_two(canaries['auroc'])}; {number(canaries['exposure'])} of {number(canaries['most'])} bits"
            if canaries else "none planted",
        ]  # fmt: skip
        rows.append(Row([_named(name), *cells]))
    head = ["Generator", "Members, others", "AUROC", "p", "Detectable", "True positives at 1 % false", "AUROC by score",
            "Canaries: AUROC; exposure"]  # fmt: skip
    return Table(head, rows, text=frozenset([6, 7]))


def wording(privacy: Reports) -> list[dict[str, str]]:
    """What may be said of the generators, in the audit's own words; those of which it says the same together."""
    said: dict[str, list[str]] = {}
    for name in generator_order(privacy):
        said.setdefault(privacy[name]["sentence"], []).append(name)
    return [{"name": ", ".join(names), "text": sentence} for sentence, names in said.items()]


def _named(name: str) -> Named:
    return Named(name, "control" if name in CONTROLS else "")


def _two(value: float) -> str:
    return f"{value:.2f}"


def _finding(record: Mapping[str, Any], key: str) -> str | Markup:
    cells = record.get("flagged_in", {}).get(key, [])
    if not record[key] and not cells:
        return "not flagged"
    where = f" in {'; '.join(cells)}" if cells else ""
    return Markup('<span class="chip loss">▲ flagged{}</span>').format(where)


def _beside_real(record: Mapping[str, Any]) -> str | Markup:
    """A share of synthetic images, in parentheses that of held-out real ones."""
    if record["share"] is None:
        return missing(record)
    return _beside(share(record["share"]), shown(record["held_out"], "share", share))


def _nearer(nearer: Mapping[str, Any]) -> str | Markup:
    if nearer["share"] is None:
        return missing(nearer, "share")
    expected = f"{100 * nearer['expected_low']:.0f} to {100 * nearer['expected_high']:.0f} %"
    return _beside(share(nearer["share"]), f"{expected}; p {p_value(nearer['p'])}")


def _beside(value: str, aside: str | Markup) -> Markup:
    return Markup('<span class="number">{}</span> <span class="ci">({})</span>').format(value, aside)

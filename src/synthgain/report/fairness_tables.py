"""What the subgroup analysis and the release gate say, as tables and sentences."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from synthgain.evaluation.subgroups import HOLDS, INSUFFICIENT, LOSES, MAY, NARROWER, OPEN, PROBABLY, WIDER, WITHIN
from synthgain.gate import FAIL, PASS, PRIVACY, UNKNOWN, UTILITY, WARNING, judged
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import first_upper, generator_order, interval, metric_name, p_value, points

_CHIPS = {
    LOSES: ("loss", "▼", "loses beyond the margin"),
    PROBABLY: ("loss", "▼", "probably loses beyond the margin"),
    MAY: ("inconclusive", "●", "may lose beyond the margin"),
    INSUFFICIENT: ("inconclusive", "●", "insufficient n"),
    HOLDS: ("no-difference", "■", "no loss beyond the margin"),
    WIDER: ("loss", "▼", "wider"),
    NARROWER: ("gain", "▲", "narrower"),
    WITHIN: ("no-difference", "■", "within the margin"),
    OPEN: ("inconclusive", "●", "open"),
    PASS: ("gain", "▲", "pass"),
    FAIL: ("loss", "▼", "fail"),
    UNKNOWN: ("inconclusive", "●", "not known"),
    WARNING: ("inconclusive", "●", "warning"),
}
_CONDITIONS = {
    "data": "The data are valid", "verdict": "The verdict allows it", "size": "Enough seeds and patients",
    "subgroups": "No subgroup loses", "privacy": "The privacy audit passed", "generator": "The generator is sound",
    "current": "The results are current", "commit": "The code is a commit",
}  # fmt: skip


def _chip(word: str) -> Markup:
    kind, shape, text = _CHIPS[word]
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(kind, shape, text)


def _insufficient(record: Mapping[str, Any]) -> Markup:
    """The chip with the reason after it."""
    why = str(record["why"]).removeprefix(f"{INSUFFICIENT}: ")
    return _chip(INSUFFICIENT) + Markup(' <span class="missing">{}</span>').format(why)


def word_of(word: str) -> str:
    """A finding in the reader's words."""
    return _CHIPS[word][2]


def subgroup_tables(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each attribute with a subgroup that can be judged: its name, its table and what must be said beside it."""
    return [
        {"name": name, "table": subgroup_table(found, name), "notes": _beside(found, attribute)}
        for name, attribute in found["attributes"].items()
        if judged(attribute)
    ]


def subgroup_table(found: Mapping[str, Any], attribute: str) -> Table:
    """A row per subgroup: patients, the measure without and with synthetic images, their difference; last the gap."""
    one, candidate, baseline = found["attributes"][attribute], found["candidate"], found["baseline"]
    rows = []
    for each in one["subgroups"]:
        difference = each["difference"]
        about = f"{each['patients']:,} patients or groups, {each['images']:,} images"
        if difference["value"] is None:
            rows.append(Row([Named(each["name"], about), "", "", "", "", _insufficient(difference)]))
            continue
        rows.append(Row([
            Named(each["name"], about), interval(each["arms"][baseline]), interval(each["arms"][candidate]),
            interval(difference, "value", points), p_value(difference["p_holm"]), _chip(difference["word"]),
        ]))  # fmt: skip
    rows.append(_gap_row(one, candidate, baseline))
    head = ["Subgroup", first_upper(baseline), first_upper(candidate), "Difference, points", "p Holm", "Finding"]
    return Table(head, rows, text=frozenset([5]))


def _gap_row(one: Mapping[str, Any], candidate: str, baseline: str) -> Row:
    gaps, change = one["gaps"], one["gap_change"]
    if change["value"] is None:
        about = Named("Gap", "best minus worst subgroup")
        return Row([about, "", "", "", "", _insufficient(change)], "quiet")
    cells = [
        Markup('<span class="number">{}</span> <span class="about">({} minus {})</span>').format(
            _points(gaps[arm]["value"]), gaps[arm]["best"], gaps[arm]["worst"]
        )
        for arm in (baseline, candidate)
    ]
    return Row([
        Named("Gap, points", "best minus worst subgroup, and its change"), *cells,
        interval(change, "value", points), "", _chip(change["word"]),
    ], "quiet")  # fmt: skip


def _points(value: float) -> str:
    return points(value, signed=False)


def _beside(found: Mapping[str, Any], one: Mapping[str, Any]) -> list[str]:
    notes = []
    if one["edges"]:
        limits = " and ".join(f"{edge:g}" for edge in one["edges"])
        notes.append(f"Thirds of the training images, parted at {limits}.")
    if one["gap_change"]["value"] is not None:
        chance = max(one["gaps"][found[role]]["by_chance"] for role in ("candidate", "baseline"))
        notes.append(f"Equal subgroups of this size would show a gap of about {_points(chance)} points by chance.")
    for role in ("baseline", "candidate"):
        widest = (one["parity"].get(found[role]) or {}).get("widest_recall_gap")
        if widest:
            said = f"{found[role]}: widest gap in the recall of a class: {_points(widest['value'])} points"
            notes.append(f"{said} ({widest['class']}).")
    if one["unknown"]["images"]:
        notes.append(f"Not known for {one['unknown']['images']:,} test images; they are in no row.")
    return notes


def reach_table(fidelity: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Which share of each subgroup's real images every generator reaches; None where the data name no subgroup."""
    order = generator_order(fidelity)
    each = {name: fidelity[name]["subgroups"] for name in order}
    first = each[order[0]]["attributes"]
    if not first:
        return None
    rows = [Row(["All", *(interval(each[name]["pooled"], "value") for name in order)], "quiet")]
    for attribute, one in first.items():
        for place, subgroup in enumerate(one["subgroups"]):
            cells = [interval(each[name]["attributes"][attribute]["subgroups"][place], "value") for name in order]
            about = f"{subgroup['patients']:,} patients or groups, {subgroup['images']:,} images"
            rows.append(Row([Named(f"{attribute}: {subgroup['name']}", about), *cells]))
    return Table(["Subgroup", *order], rows)


REACH_NOTE = (
    "Of the real training and validation images of a subgroup, the share near which a synthetic image of their class "
    "lies (95 % interval over patients): nearer than the fifth nearest other real image of the class, in the encoder's "
    "features. A subgroup far below the others is one that the generator draws too rarely or not well."
)


def left_out(found: Mapping[str, Any]) -> list[str]:
    """Attributes that are not compared, each with its reason."""
    reasons = dict(found["left_out"])
    for name, one in found["attributes"].items():
        if not judged(one):
            first = one["subgroups"][0]
            reasons[name] = f"none of its {len(one['subgroups'])} subgroups can be judged ({first['name']}: "
            reasons[name] += f"{first['difference']['why']})"
    return [f"{name} is not compared: {why}." for name, why in reasons.items()]


def fairness_note(found: Mapping[str, Any]) -> str:
    """What the tables compare and when a subgroup is said to lose; or that there are none."""
    if not found["attributes"]:
        return (
            "The data name no attribute (such as site, sex, age or scanner) whose subgroups could be compared, so "
            "nobody knows whether the result holds for all patients alike."
        )
    return (
        f"Does the result hold for all patients alike? {first_upper(metric_name(found['metric']))} of both arms on the "
        f"test images of each subgroup: mean over seeds ({100 * found['level']:g} % interval over patients or groups, "
        "and seeds), and the paired difference that synthetic images make."
    )


def fairness_rule(found: Mapping[str, Any]) -> str:
    """When a subgroup is said to lose, and what a gap is."""
    margin = f"{_points(found['margin'])} points"
    return (
        f"A subgroup loses where the whole interval of its difference lies below −{margin}, probably loses where the "
        f"difference itself does, may lose where only the lower limit does. Below {found['min_patients']} patients, or "
        "without an image of every class, nothing is said. The gap is the best minus the worst subgroup; its last "
        "number is the change that synthetic images bring."
    )


def gate_table(decision: Mapping[str, Any]) -> Table:
    """Every condition of the release gate with its result and reason."""
    rows = [
        Row([_CONDITIONS.get(each["name"], each["name"]), _chip(each["state"]), each["why"]],
            "lead" if each["state"] == FAIL else "")
        for each in decision["conditions"]
    ]  # fmt: skip
    return Table(["Condition", "Result", "Why"], rows, text=frozenset([1, 2]))


def gate_note(decisions: Mapping[str, Mapping[str, Any]]) -> str:
    """The decision in a sentence, for both reasons to have synthetic images."""
    useful, private = decisions[UTILITY], decisions[PRIVACY]
    subject = f"The synthetic images behind {useful['candidate']}, and classifiers trained with them,"
    said = f"{subject} {_decided(useful)}, where the reason for them is to help the classifier"
    if useful["open"] == private["open"]:
        return f"{said}; the same holds where the reason is privacy."
    return f"{said}; where the reason is privacy and no difference is enough, they {_decided(private)}."


def _decided(decision: Mapping[str, Any]) -> str:
    return "may be released" if decision["open"] else "are held back"


GATE_NOTE = (
    "Released only if no condition fails. What is not known counts against a release only with synthgain gate "
    "--strict. Whether the results are still those of params.yaml is asked by synthgain gate when it is called. "
    "Cards of every synthetic set and of every confirmed classifier, and reporting checklists filled from these "
    "results, are in data/report/cards."
)
"""How to read the gate's table."""

"""May the synthetic set, and the classifier trained with it, be released? Every condition with its reason and number.

A condition *passes*, *fails*, or is *not known*. The gate opens where none fails; a strict gate also asks that all are
known. What is not known without blame is whether a subgroup loses: where its interval reaches below the margin but its
difference does not, where it is too small to judge, where the data name no subgroups. A subgroup fails the gate where
it loses, or probably loses: a best estimate beyond the margin is not released on the strength of a wide interval. And
privacy fails it where it could not be judged: too few held-out patients, or tests that miss planted copies, are no
audit that was passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synthgain import artifact
from synthgain.arms.arm import parse
from synthgain.config import Config
from synthgain.evaluation.subgroups import HOLDS, INSUFFICIENT, LOSES, MAY, PROBABLY
from synthgain.evaluation.verdict import GAIN, NO_DIFFERENCE, points
from synthgain.paths import Paths
from synthgain.privacy import unjudged
from synthgain.schema import QUICK_LOOK

UTILITY, PRIVACY = "utility", "privacy"
REASONS = (UTILITY, PRIVACY)
"""Why there are synthetic images: to help a classifier, or to be shown where patients must not be."""
PASS, FAIL, UNKNOWN, WARNING = "pass", "fail", "not known", "warning"
OPEN, SHUT = "may be released", "held back"


@dataclass(frozen=True)
class Condition:
    """One condition of the gate."""

    name: str
    state: str
    """`PASS`, `FAIL`, `UNKNOWN` or, for what never decides, `WARNING`."""
    why: str
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """What is judged: the content of stage outputs, of every cell that the claim is about.

    Attributes
    ----------
    gains, subgroups: of the evaluation.
    evaluation: its settings, ``min_seeds`` and ``min_groups``.
    validation: ``report.json`` of each cell, with ``on_leak``.
    privacy, selection: of the candidate's generator, by its name (and cell); empty where it has none.
    collapsed_below: share of the real variation below which a generator counts as collapsed.
    """

    gains: Mapping[str, Any]
    subgroups: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    validation: Sequence[Mapping[str, Any]]
    privacy: Mapping[str, Mapping[str, Any]]
    selection: Mapping[str, Mapping[str, Any]]
    collapsed_below: float


def read(cfg: Config, paths: Paths) -> Records:
    """The records of this workspace, verified; raises `ArtifactError` where one is missing or altered."""
    evaluated = artifact.read(paths.out("evaluate"))
    gains, validation = evaluated.json("gains.json"), []
    privacy, selection = {}, {}
    for index, cell in enumerate(cfg.claimed):
        at = paths.at(cell)
        validated = artifact.read(at.out("validate"))
        validation.append(validated.json("report.json") | {"on_leak": cfg.dataset.on_leak})
        chosen = parse(_candidate(gains, index)).generator
        for generator in cfg.trainings(chosen) if chosen is not None else ():
            name = f"{generator}, {cell}" if str(cell) else generator
            privacy[name] = artifact.read(at.out("audit", generator)).json("privacy.json")
            selection[name] = artifact.read(at.out("synthesize", generator)).json("selection.json")
    return Records(
        gains, evaluated.json("subgroups.json"), cfg.evaluation.model_dump(mode="json"), validation, privacy, selection,
        cfg.synthesis.collapsed_below,
    )  # fmt: skip


def _candidate(gains: Mapping[str, Any], fold: int) -> str:
    """The synthetic arm that a fold chose; with a single split, the candidate."""
    return str((gains.get("folds") or [gains["headline"]] * (fold + 1))[fold]["candidate"])


def decide(
    records: Records, reason: str = UTILITY, *, strict: bool = False, also: Sequence[Condition] = ()
) -> dict[str, Any]:
    """The gate's decision, the content of ``gate.json``.

    Parameters
    ----------
    reason: `UTILITY` asks for a gain; for `PRIVACY`, no difference is enough.
    strict: what is not known shuts the gate.
    also: conditions that no stage output can tell (see `current`, `commit`).

    Returns
    -------
    ``open``, ``word``, ``reason``, ``strict``, ``candidate``, ``baseline``, ``conditions``, ``sentence`` and
    ``untrusted``: why the numbers mean nothing, None where nothing is wrong with the data.
    """
    conditions = [
        _data(records), _verdict(records, reason), _size(records), _subgroups(records), _privacy(records),
        _generator(records), *also,
    ]  # fmt: skip
    against = [each for each in conditions if each.state == FAIL or (strict and each.state == UNKNOWN)]
    word = SHUT if against else OPEN
    headline = records.gains["headline"]
    return {
        "open": not against, "word": word, "reason": reason, "strict": strict,
        "candidate": headline["candidate"], "baseline": headline["baseline"],
        "conditions": [asdict(each) for each in conditions],
        "sentence": f"{word}: {_because(against, conditions)}", "untrusted": _fault(records),
    }  # fmt: skip


def _because(against: Sequence[Condition], conditions: Sequence[Condition]) -> str:
    if against:
        return "; ".join(f"{each.name}: {each.why}" for each in against)
    unknown = [each.name for each in conditions if each.state == UNKNOWN]
    return "every condition is met" + (f", but not known: {', '.join(unknown)}" if unknown else "")


def current(fault: str | None) -> Condition:
    """Whether the results belong to the present ``params.yaml`` and outputs; ``fault`` says why not."""
    if fault:
        return Condition("current", FAIL, f"{fault}; 'synthgain run' brings all up to date")
    return Condition("current", PASS, "the results belong to the present params.yaml")


def commit(known: str | None) -> Condition:
    """Whether the code that ran is a commit; never decides."""
    if known is None:
        return Condition("commit", WARNING, "no finished run is noted in this workspace, so its commit is not known")
    if known.startswith("unversioned"):
        return Condition("commit", WARNING, "the code that ran is under no version control")
    if known.endswith("+changes"):
        return Condition("commit", WARNING, f"the code that ran differs from commit {known.removesuffix('+changes')}")
    return Condition("commit", PASS, f"commit {known}, without changes")


def _fault(records: Records) -> str | None:
    """What is wrong with the data so that no number means anything; None: nothing that was found."""
    checks = [check for report in records.validation for check in report["checks"]]
    failed = sorted({c["name"] for c in checks if c["severity"] == "critical" and not c["success"]})
    if failed or not all(report["success"] for report in records.validation):
        return f"critical checks failed: {', '.join(failed) or 'see validation'}"
    leaks = next((report["leaks"] for report in records.validation if report.get("leaks")), None)
    return f"the split leaks: {leaks}" if leaks else None


def _data(records: Records) -> Condition:
    checks = [check for report in records.validation for check in report["checks"]]
    numbers = {"checks": len(checks), "failed": sum(not check["success"] for check in checks)}
    if (fault := _fault(records)) is not None:
        return Condition("data", FAIL, fault, numbers)
    if any(report["on_leak"] == "allow" for report in records.validation):
        return Condition("data", FAIL, "dataset.on_leak=allow: a leaking split would not have stopped this", numbers)
    count = numbers["failed"]
    warned = f"; {count} warning{'s' * (count != 1)}" if count else ""
    return Condition(
        "data", PASS, f"{numbers['checks']} checks, no patient or near-copy on both sides{warned}", numbers
    )


def _verdict(records: Records, reason: str) -> Condition:
    verdict, headline = records.gains["verdict"], records.gains["headline"]
    wanted = (GAIN,) if reason == UTILITY else (GAIN, NO_DIFFERENCE)
    numbers = {key: headline.get(key) for key in ("difference", "low", "high", "p")}
    asked = "" if verdict["word"] in wanted else f" ({' or '.join(wanted)} is needed where the reason is {reason})"
    state = PASS if verdict["word"] in wanted else FAIL
    known = numbers["difference"]
    size = "" if known is None else f" at {points(known)} points"
    beside = "; measured beside the real images, not in their place" if reason == PRIVACY else ""
    return Condition("verdict", state, f"{verdict['word']}{size}{asked}{beside}", numbers)


def _size(records: Records) -> Condition:
    seeds, groups = records.gains["seeds"], records.gains["n_groups"]
    least = records.evaluation["min_seeds"], records.evaluation["min_groups"]
    short = [
        f"{given} {what}, {needed} needed"
        for given, needed, what in zip((seeds, groups), least, ("seeds", "test patients or groups"), strict=True)
        if given < needed
    ]
    if not short and groups < QUICK_LOOK and not records.gains.get("folds"):
        short = [f"a quick look at {groups} test patients or groups in one split, {QUICK_LOOK} needed"]
    why = "; ".join(short) or f"{seeds} seeds, {groups} test patients or groups"
    return Condition("size", FAIL if short else PASS, why, {"seeds": seeds, "patients": groups})


def _subgroups(records: Records) -> Condition:
    found = records.subgroups
    each = [
        (f"{name} {subgroup['name']}", subgroup["difference"])
        for name, attribute in found["attributes"].items()
        for subgroup in attribute["subgroups"]
    ]
    known = [difference["value"] for _, difference in each if difference["value"] is not None]
    numbers = {"margin": found["margin"], "subgroups": len(each), "worst": min(known, default=None)}
    margin = f"{points(found['margin'], signed=False)} points"
    if not each:
        return Condition("subgroups", UNKNOWN, "the data name no attribute whose subgroups can be compared", numbers)
    by_word: dict[str, list[str]] = {}
    for name, difference in each:
        by_word.setdefault(difference["word"], []).append(name)
    if INSUFFICIENT in by_word:
        by_word[INSUFFICIENT] = _insufficient(found)
    said = [
        f"{', '.join(by_word[word])} {consequence}"
        for word, consequence in (
            (LOSES, f"loses more than {margin}"), (PROBABLY, f"probably loses more than {margin}"),
            (MAY, f"may lose more than {margin}"), (INSUFFICIENT, "cannot be judged (insufficient n)"),
        )
        if word in by_word
    ]  # fmt: skip
    if LOSES in by_word or PROBABLY in by_word:
        return Condition("subgroups", FAIL, "; ".join(said), numbers)
    if set(by_word) == {HOLDS}:
        return Condition("subgroups", PASS, f"none of {len(each)} loses more than {margin}", numbers)
    return Condition("subgroups", UNKNOWN, "; ".join(said), numbers)


def judged(attribute: Mapping[str, Any]) -> bool:
    """Whether any subgroup of an attribute is large enough to be judged."""
    return any(subgroup["difference"]["value"] is not None for subgroup in attribute["subgroups"])


def _insufficient(found: Mapping[str, Any]) -> list[str]:
    """Subgroups that are too small; attributes of which all are by their name alone."""
    return [
        name
        for attribute, one in found["attributes"].items()
        for name in (
            [f"{attribute} {each['name']}" for each in one["subgroups"] if each["difference"]["word"] == INSUFFICIENT]
            if judged(one) else [attribute]
        )
    ]  # fmt: skip


def _privacy(records: Records) -> Condition:
    """The images decide, as they are what is released; what is known of the weights is said first."""
    if not records.privacy:
        return Condition("privacy", FAIL, "the candidate has no synthetic images that were audited")
    audits = records.privacy
    numbers = {"audited": min(record["n_synthetic"] for record in audits.values())}
    images, weights = [], []
    for name, record in audits.items():
        said = f"{name}: {record['sentence']}"
        if record["flagged_images"]:
            images.append(said)
            continue
        if record["flagged_weights"]:
            weights.append(said)
        elif why := unjudged.weights(record):
            weights.append(f"{name}: whether the weights tell training patients is not known ({why})")
        if doubts := unjudged.images(record):
            images.append(f"{name}: not judged: {'; '.join(doubts)}")
    if images:
        return Condition("privacy", FAIL, "; ".join([*weights, *images]), numbers)
    if weights:
        return Condition("privacy", WARNING, f"release the images, not the generator; {'; '.join(weights)}", numbers)
    return Condition(
        "privacy", PASS, "; ".join(sorted({str(record["sentence"]) for record in audits.values()})), numbers
    )


def _generator(records: Records) -> Condition:
    if not records.selection:
        return Condition("generator", FAIL, "the candidate has no synthetic images")
    kept = {
        f"{name}, class {label}": counts["kept"]
        for name, selection in records.selection.items()
        for label, counts in selection["classes"].items()
    }
    numbers = {"fewest_kept_of_a_class": min(kept.values()), "collapsed_below": records.collapsed_below}
    empty = [name for name, count in kept.items() if not count]
    if empty:
        return Condition("generator", FAIL, f"no image was kept of {'; '.join(empty)}", numbers)
    if not records.collapsed_below:
        return Condition("generator", UNKNOWN, "synthesis.collapsed_below=0: collapse was not looked for", numbers)
    share = f"{100 * records.collapsed_below:g} %"
    return Condition("generator", PASS, f"every class varies by at least {share} of what real images do", numbers)


def text(decision: Mapping[str, Any]) -> str:
    """The decision as lines for a terminal."""
    width = max(len(each["name"]) for each in decision["conditions"])
    lines = [f"{each['state']:<9}  {each['name']:<{width}}  {each['why']}" for each in decision["conditions"]]
    asked = f"reason: {decision['reason']}{', strict' if decision['strict'] else ''}"
    return "\n".join([*lines, "", f"{decision['candidate']}: {decision['word']} ({asked})"])

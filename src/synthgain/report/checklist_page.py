"""The two reporting checklists with this study's numbers in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synthgain.evaluation.subgroups import WORDS
from synthgain.report import markdown
from synthgain.report.checklists import CLAIM, TRIPOD_AI, Item
from synthgain.report.explain_tables import METHODS
from synthgain.report.fairness_tables import word_of
from synthgain.report.material import Material
from synthgain.report.tables import ALL_CLASSES, counts
from synthgain.report.wording import interval, metric_name, p_value, plain_text, points, shown

_CHECK = {True: "passes its randomisation check", False: "does not pass its randomisation check",
          None: "its randomisation check is not estimable"}  # fmt: skip
_PACKAGES = ("torch", "monai", "pytorch-lightning")


def page(material: Material) -> str:
    """Both checklists as Markdown: what each item asks for, what is known with its number, what the author must add."""
    facts = known_facts(material)
    return "\n\n".join([
        "# Reporting checklists",
        "Filled from the outputs of this run as far as they go; 'report' names a section of report.html. Items are "
        "numbered as in the originals and told in other words: TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378) and "
        "the 2024 update of CLAIM (Tejani et al. 2024, Radiology: Artificial Intelligence 6:e240300).",
        *_checklist("TRIPOD+AI", TRIPOD_AI, facts), *_checklist("CLAIM", CLAIM, facts),
    ]) + "\n"  # fmt: skip


def _checklist(name: str, items: Sequence[Item], facts: Mapping[str, str]) -> list[str]:
    rows = [(each.number, each.asks, each.known.format_map(facts), each.add) for each in items]
    full, part = (sum(bool(each.known) and bool(each.add) == missing for each in items) for missing in (False, True))
    summary = f"{len(items)} items: {full} filled, {part} in part, {len(items) - full - part} left to the author."
    return [f"## {name}", summary, markdown.rows(("Item", "What it asks for", "Known", "The author adds"), rows)]


def known_facts(material: Material) -> dict[str, str]:
    """What the items point to, as words and numbers."""
    return {**_of_the_data(material), **_of_the_training(material), **_of_the_results(material)}


def _of_the_data(material: Material) -> dict[str, str]:
    found, counted = material.subgroups, counts(material.real)
    of_all = {each["split"]: each["images"] for each in counted if each["class"] == ALL_CLASSES}
    channels, size, _ = material.real.shape
    groups = [
        f"{name}: " + ", ".join(f"{each['name']} {each['patients']}" for each in one["subgroups"])
        for name, one in found["attributes"].items()
    ]
    unknown = [f"{name} {one['unknown']['images']}" for name, one in found["attributes"].items()]
    budget = material.config["dataset"].get("budget")
    return {
        "dataset": material.config["dataset"]["name"], "data_sha": material.artifacts_of("ingest"),
        "attributes": _listed(found["attributes"]), "quarantined": f"{len(material.quarantine):,}",
        "checks": str(len(material.validation["checks"])), "size": str(size), "channels": str(channels),
        "classes": _listed(material.real.classes), "n_classes": f"{len(material.real.classes)} classes",
        "sizes": f"original sizes: {_listed(material.facts['sizes'])}", "split": str(material.facts["split"]),
        "n_train": f"{of_all['train']:,}", "n_val": f"{of_all['val']:,}", "n_test": f"{material.gains['n_test']:,}",
        "flow": "; ".join(f"{e['class']} {e['split']} {e['images']}" for e in counted if e["class"] != ALL_CLASSES),
        "sizes_by_group": _listed(groups, "; "), "unknown": _listed(unknown),
        "budget": f"{budget['train']} + {budget['val']} labelled images" if budget else "all images",
    }  # fmt: skip


def _of_the_training(material: Material) -> dict[str, str]:
    config, training = material.config, material.config["classifier"].get("training", {})
    arms = [arm for arm in material.gains["arms"] if arm != "real"]
    return {
        "classifier": config["classifier"]["kind"], "generators": _listed(config["generators"]),
        "steps": str(training.get("steps", "not recorded")), "batch": str(training.get("batch_size", "not recorded")),
        "screened": str(material.scores["arm"].nunique()), "seeds": str(material.gains["seeds"]),
        "balanced": "oversample" if "oversample" in arms else "none", "n_arms": str(len(material.gains["arms"])),
        "trainings": f"{len(material.gains['arms']) * material.gains['seeds']:,}",
        "versions": ", ".join(f"{name} {material.versions[name]}" for name in _PACKAGES),
    }  # fmt: skip


def _of_the_results(material: Material) -> dict[str, str]:
    gains, found = material.gains, material.subgroups
    headline, metric = gains["headline"], gains["headline"]["metric"]
    words = [each["difference"]["word"] for one in found["attributes"].values() for each in one["subgroups"]]
    changes = [
        f"{name} {plain_text(interval(one['gap_change'], 'value', points))}"
        for name, one in found["attributes"].items()
    ]
    scores = {
        role: plain_text(interval(gains["arms"][headline[role]].get(metric))) for role in ("candidate", "baseline")
    }
    return {
        "contrast": f"{headline['candidate']} against {headline['baseline']} in {metric_name(metric)}",
        "metric": metric_name(metric), "level": f"{100 * material.level:g} %", "patients": f"{gains['n_groups']:,}",
        "margin": f"{points(found['margin'], signed=False)} points", "verdict": gains["verdict"]["sentence"],
        "detectable": plain_text(shown(headline, "minimum_detectable_gain", _in_points)),
        "difference": plain_text(interval(headline, "difference", points)) + " points",
        "p": plain_text(shown(headline, "p", p_value)),
        "replicates": plain_text(shown(headline, "replicates", "{:,} replicates".format)), "score": scores["candidate"],
        "baseline_score": scores["baseline"], "gap_changes": _listed(changes, "; "),
        "subgroups": _listed([f"{words.count(word)} {word_of(word)}" for word in WORDS if word in words]),
        "limits": _listed(material.facts.get("notes") or (), " "),
        "measures": "beside it accuracy, macro F1, AUROC, AUPRC, Brier score, log loss and calibration (arms.csv)",
        "explained": _explained(material.explained),
    }  # fmt: skip


def _explained(explained: Mapping[str, Any]) -> str:
    checks = [
        f"{METHODS[method]} ({_CHECK[check['passes']]})"
        for method, check in explained.get("randomisation", {}).get("candidate", {}).items()
    ]
    return _listed(checks) if checks else f"none: {explained.get('why', 'not asked for')}"


def _in_points(value: float) -> str:
    return f"{points(value, signed=False)} points"


def _listed(values: Iterable[object], between: str = ", ") -> str:
    return between.join(map(str, values)) or "none"

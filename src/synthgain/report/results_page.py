"""A study's page for the documentation: Markdown, made from the JSON beside it and from nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthgain import artifact
from synthgain.gate import UTILITY
from synthgain.report import (
    audit_tables,
    drawing,
    explain_tables,
    fairness_tables,
    figures,
    notes,
    privacy_tables,
    tables,
    worth,
)
from synthgain.report.markdown import bullets, escaped, table
from synthgain.report.material import Material
from synthgain.report.wording import first_upper

EXPLAINED = ("why", "arms", "randomisation", "localisation", "incompleteness")
"""What the page holds of the explanation: numbers, never an image or its name."""
GIVEN = ("command", "commit", "hardware", "wall_seconds", "test_uses")
"""Facts about the run, which no stage output holds."""


def results_json(material: Material, study: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the page ``study``.

    Parameters
    ----------
    material: what the stages wrote, from `material.gather`.
    study: names the page and its files.
    given: ``command``, ``commit``, ``hardware``, ``wall_seconds``, ``test_uses`` (confirmations on these test images).
    """
    missing = [name for name in GIVEN if name not in given]
    if missing:
        raise ValueError(f"results of {study} without {missing}")
    return {
        "study": study,
        "run": {name: given[name] for name in GIVEN},
        "config": material.config,
        "data": {
            "counts": tables.counts(material.real),
            "shape": list(material.real.shape),
            "facts": material.facts,
            "quarantined": len(material.quarantine),
        },
        "cell": str(material.cell),
        "gains": material.gains,
        "subgroups": material.subgroups,
        "explained": {name: material.explained[name] for name in EXPLAINED if name in material.explained},
        "gate": material.gate,
        "plan": material.plan,
        "screening": material.scores.to_dict("records"),
        "fidelity": material.fidelity,
        "privacy": material.privacy,
        "artifacts": material.artifacts,
        "versions": material.versions,
    }


def results_markdown(results: Mapping[str, Any]) -> str:
    """The page for ``results``; the figure ``<study>.svg`` stands beside it (see `write`)."""
    gains, study, run = results["gains"], results["study"], results["run"]
    level = float(results["config"]["claim"]["level"])
    scores = pd.DataFrame(results["screening"])
    channels, height, width = results["data"]["shape"]
    aside, fault = notes.not_the_claim(gains), results["gate"][UTILITY].get("untrusted")
    blocks = [
        f"# {study}",
        f"**These numbers mean nothing: {escaped(fault)}**" if fault else "",
        f"**Verdict: {escaped(gains['verdict']['sentence'])}**",
        *bullets(gains["verdict"].get("reasons")),
        f"![Differences between arms with their intervals]({study}.svg)",
        escaped(notes.claim(gains, level, results["cell"])),
        table(tables.contrast_table(gains)),
        escaped(notes.contrasts(level, float(results["config"]["claim"]["margin"]))),
        f"Not the claim: {escaped(aside)}" if aside else "",
        "## Arms on the test images",
        table(tables.arm_table(gains, tables.FIRST_METRICS)),
        notes.arms(level),
        *_worth(gains, results["config"]["dataset"]["labels"][0]),
        *_fairness(results["subgroups"]),
        *_explained(results["explained"]),
        "## Screening (validation; not evidence)",
        table(tables.ratio_table(scores, results["plan"])),
        table(tables.baseline_table(scores, results["plan"])),
        notes.screening(results["config"]["claim"]["metric"], results["config"]["screening"]["seeds"]),
        "## Fidelity",
        notes.AUDIT["fidelity"],
        *_fidelity(results["fidelity"], gains["classes"]),
        notes.AUDIT["distances"],
        "Recognised as the class they were made for:",
        table(audit_tables.recognition_table(results["fidelity"], gains["classes"])),
        "## Privacy",
        table(privacy_tables.privacy_table(results["privacy"])),
        notes.AUDIT["privacy_columns"],
        table(privacy_tables.power_table(results["privacy"])),
        notes.AUDIT["privacy_power"],
        table(privacy_tables.membership_table(results["privacy"])),
        notes.AUDIT["membership"],
        "\n\n".join(
            f"{entry['name']}: {escaped(entry['text'])}." for entry in privacy_tables.wording(results["privacy"])
        ),
        "## May it be released?",
        escaped(fairness_tables.gate_note(results["gate"])),
        table(fairness_tables.gate_table(results["gate"]["utility"])),
        "## Data",
        f"{width} × {height} pixels, {channels} channel{'s' if channels > 1 else ''}; images (patients or groups):",
        table(tables.counts_table(results["data"]["counts"])),
        *bullets(results["data"]["facts"].get("notes")),
        f"{results['data']['quarantined']:,} files quarantined.",
        "## Run",
        _run(run, study),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _fidelity(fidelity: Mapping[str, Any], classes: list[str]) -> list[str]:
    extractors = [
        f"In the features of {each['name']} ({each['about']}):\n\n{table(each['pooled'])}"
        for each in audit_tables.fidelity_tables(fidelity, classes)
    ]
    similar = f"{notes.AUDIT['diversity']} {notes.scales(fidelity)}"
    return [*extractors, similar, table(audit_tables.diversity_table(fidelity, classes))]


def _worth(gains: Mapping[str, Any], labels: float) -> list[str]:
    """Other levels of labels, and what synthetic images are worth in real ones."""
    blocks = []
    if (levels := worth.levels_table(gains, labels)) is not None:
        blocks += ["## With fewer labels", table(levels), notes.WORTH["levels"]]
    if "why" in gains["learning_curve"]:
        blocks += ["## What they are worth", escaped(f"{first_upper(gains['learning_curve']['why'])}.")]
    curve, equivalents = worth.curve_table(gains["learning_curve"]), worth.equivalents_table(gains)
    if curve is not None and equivalents is not None:
        said = f"Learning curve of {gains['learning_curve']['arm']}, the strongest arm without synthetic images:"
        blocks += ["## What they are worth", notes.WORTH["worth"], table(equivalents), notes.equivalents(gains)]
        blocks += [escaped(said), table(curve)]
    return blocks


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write ``<study>.json``, ``<study>.md`` and ``<study>.svg`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    study, level = results["study"], float(results["config"]["claim"]["level"])
    (folder / f"{study}.json").write_bytes(artifact.canonical(results))
    (folder / f"{study}.md").write_text(results_markdown(results))
    (folder / f"{study}.svg").write_bytes(drawing.svg(figures.forest(results["gains"], level=level)))


def _fairness(subgroups: Mapping[str, Any]) -> list[str]:
    blocks = ["## Is it fair?", escaped(fairness_tables.fairness_note(subgroups))]
    for each in fairness_tables.subgroup_tables(subgroups):
        blocks += [f"### By {escaped(each['name'])}", table(each["table"]), *bullets(each["notes"])]
    rule = escaped(fairness_tables.fairness_rule(subgroups)) if subgroups["attributes"] else ""
    return [*blocks, rule, *bullets(fairness_tables.left_out(subgroups))]


def _explained(explained: Mapping[str, Any]) -> list[str]:
    """Whether the maps of both classifiers can be relied on, and find the lesions; the maps are in the report."""
    blocks = ["## What does it look at?"]
    if (checks := explain_tables.randomisation_table(explained)) is None:
        return [*blocks, f"Not looked at: {escaped(explained['why'])}."]
    blocks += [table(checks), explain_tables.NOTES["randomisation"], *bullets(explain_tables.completeness(explained))]
    if (found := explain_tables.localisation_table(explained)) is not None:
        blocks += [table(found), explain_tables.NOTES["localisation"]]
    return [*blocks, *bullets(explain_tables.localisation_notes(explained))]


def _run(run: Mapping[str, Any], study: str) -> str:
    minutes = run["wall_seconds"] / 60
    return "\n".join([
        "```sh", str(run["command"]), "```", "",
        f"- commit `{run['commit']}`",
        f"- {escaped(str(run['hardware']))}, {minutes:.1f} minutes",
        f"- comparisons confirmed on these test images in this workspace, this one included: {run['test_uses']}",
        f"- every number above comes from [{study}.json]({study}.json), which also holds the configuration, the hashes "
        "of the stage outputs and the package versions",
    ])  # fmt: skip

"""A study's page for the documentation: Markdown, made from the JSON beside it and from nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthgain import artifact
from synthgain.report import audit_tables, drawing, fairness_tables, figures, notes, tables
from synthgain.report.markdown import bullets as _list
from synthgain.report.markdown import escaped as _escaped
from synthgain.report.markdown import table as _table
from synthgain.report.material import Material

GIVEN = ("command", "commit", "hardware", "wall_seconds")
"""Facts about the run, which no stage output holds."""


def results_json(material: Material, study: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the page ``study``.

    Parameters
    ----------
    material: what the stages wrote, from `material.gather`.
    study: names the page and its files.
    given: ``command``, ``commit``, ``hardware``, ``wall_seconds``.
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
    aside = notes.not_the_claim(gains)
    blocks = [
        f"# {study}",
        f"**Verdict: {_escaped(gains['verdict']['sentence'])}**",
        *_list(gains["verdict"].get("reasons")),
        f"![Differences between arms with their intervals]({study}.svg)",
        _escaped(notes.claim(gains, level, results["cell"])),
        _table(tables.contrast_table(gains)),
        _escaped(notes.contrasts(level, float(results["config"]["claim"]["margin"]))),
        f"Not the claim: {_escaped(aside)}" if aside else "",
        "## Arms on the test images",
        _table(tables.arm_table(gains, tables.FIRST_METRICS)),
        notes.arms(level),
        *_fairness(results["subgroups"]),
        "## Screening (validation; not evidence)",
        _table(tables.ratio_table(scores, results["plan"])),
        _table(tables.baseline_table(scores, results["plan"])),
        notes.screening(results["config"]["claim"]["metric"], results["config"]["screening"]["seeds"]),
        "## Fidelity",
        notes.AUDIT["fidelity"],
        *_fidelity(results["fidelity"], gains["classes"]),
        notes.AUDIT["distances"],
        "Recognised as the class they were made for:",
        _table(audit_tables.recognition_table(results["fidelity"], gains["classes"])),
        "## Privacy, first numbers",
        _table(audit_tables.privacy_table(results["privacy"])),
        notes.AUDIT["privacy_columns"],
        "\n\n".join(
            f"{entry['name']}: {_escaped(entry['text'])}." for entry in audit_tables.privacy_wording(results["privacy"])
        ),
        "## May it be released?",
        _escaped(fairness_tables.gate_note(results["gate"])),
        _table(fairness_tables.gate_table(results["gate"]["utility"])),
        "## Data",
        f"{width} × {height} pixels, {channels} channel{'s' if channels > 1 else ''}; images (patients or groups):",
        _table(tables.counts_table(results["data"]["counts"])),
        *_list(results["data"]["facts"].get("notes")),
        f"{results['data']['quarantined']:,} files quarantined.",
        "## Run",
        _run(run, study),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _fidelity(fidelity: Mapping[str, Any], classes: list[str]) -> list[str]:
    extractors = [
        f"In the features of {each['name']} ({each['about']}):\n\n{_table(each['pooled'])}"
        for each in audit_tables.fidelity_tables(fidelity, classes)
    ]
    similar = f"{notes.AUDIT['diversity']} {notes.scales(fidelity)}"
    return [*extractors, similar, _table(audit_tables.diversity_table(fidelity, classes))]


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write ``<study>.json``, ``<study>.md`` and ``<study>.svg`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    study, level = results["study"], float(results["config"]["claim"]["level"])
    (folder / f"{study}.json").write_bytes(artifact.canonical(results))
    (folder / f"{study}.md").write_text(results_markdown(results))
    (folder / f"{study}.svg").write_bytes(drawing.svg(figures.forest(results["gains"], level=level)))


def _fairness(subgroups: Mapping[str, Any]) -> list[str]:
    blocks = ["## Is it fair?", _escaped(fairness_tables.fairness_note(subgroups))]
    for each in fairness_tables.subgroup_tables(subgroups):
        blocks += [f"### By {_escaped(each['name'])}", _table(each["table"]), *_list(each["notes"])]
    rule = _escaped(fairness_tables.fairness_rule(subgroups)) if subgroups["attributes"] else ""
    return [*blocks, rule, *_list(fairness_tables.left_out(subgroups))]


def _run(run: Mapping[str, Any], study: str) -> str:
    minutes = run["wall_seconds"] / 60
    return "\n".join([
        "```sh", str(run["command"]), "```", "",
        f"- commit `{run['commit']}`",
        f"- {_escaped(str(run['hardware']))}, {minutes:.1f} minutes",
        f"- every number above comes from [{study}.json]({study}.json), which also holds the configuration, the hashes "
        "of the stage outputs and the package versions",
    ])  # fmt: skip

"""A study's page for the documentation: Markdown, made from the JSON beside it and from nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthgain import artifact
from synthgain.report import audit_tables, drawing, figures, notes, privacy_tables, tables
from synthgain.report.material import Material
from synthgain.report.wording import plain_text

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
        "fold": material.fold,
        "gains": material.gains,
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
        _escaped(notes.claim(gains, level, results["fold"])),
        _table(tables.contrast_table(gains)),
        _escaped(notes.contrasts(level, float(results["config"]["claim"]["margin"]))),
        f"Not the claim: {_escaped(aside)}" if aside else "",
        "## Arms on the test images",
        _table(tables.arm_table(gains, tables.FIRST_METRICS)),
        notes.arms(level),
        "## Screening (validation; not evidence)",
        _table(tables.ratio_table(scores, results["plan"])),
        _table(tables.baseline_table(scores, results["plan"])),
        notes.screening(results["config"]["claim"]["metric"], results["config"]["screening"]["seeds"]),
        "## Fidelity",
        _table(audit_tables.fidelity_table(results["fidelity"])),
        notes.AUDIT["fidelity"],
        notes.AUDIT["distances"],
        "Recognised as the class they were made for:",
        _table(audit_tables.recognition_table(results["fidelity"], gains["classes"])),
        "## Privacy",
        _table(privacy_tables.privacy_table(results["privacy"])),
        notes.AUDIT["privacy_columns"],
        _table(privacy_tables.power_table(results["privacy"])),
        notes.AUDIT["privacy_power"],
        _table(privacy_tables.membership_table(results["privacy"])),
        notes.AUDIT["membership"],
        "\n\n".join(
            f"{entry['name']}: {_escaped(entry['text'])}." for entry in privacy_tables.wording(results["privacy"])
        ),
        "## Data",
        f"{width} × {height} pixels, {channels} channel{'s' if channels > 1 else ''}; images (patients or groups):",
        _table(tables.counts_table(results["data"]["counts"])),
        *_list(results["data"]["facts"].get("notes")),
        f"{results['data']['quarantined']:,} files quarantined.",
        "## Run",
        _run(run, study),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write ``<study>.json``, ``<study>.md`` and ``<study>.svg`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    study, level = results["study"], float(results["config"]["claim"]["level"])
    (folder / f"{study}.json").write_bytes(artifact.canonical(results))
    (folder / f"{study}.md").write_text(results_markdown(results))
    (folder / f"{study}.svg").write_bytes(drawing.svg(figures.forest(results["gains"], level=level)))


def _run(run: Mapping[str, Any], study: str) -> str:
    minutes = run["wall_seconds"] / 60
    return "\n".join([
        "```sh", str(run["command"]), "```", "",
        f"- commit `{run['commit']}`",
        f"- {_escaped(str(run['hardware']))}, {minutes:.1f} minutes",
        f"- every number above comes from [{study}.json]({study}.json), which also holds the configuration, the hashes "
        "of the stage outputs and the package versions",
    ])  # fmt: skip


def _escaped(text: str) -> str:
    """``text`` without meaning to Markdown or HTML."""
    for sign in ("\\", "`", "*", "_", "|", "[", "]", "$"):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _list(lines: Any) -> list[str]:
    return ["\n".join(f"- {_escaped(str(line))}" for line in lines)] if lines else []


def _table(table: tables.Table) -> str:
    def row(cells: Any) -> str:
        return f"| {' | '.join(cells)} |"

    rules = ["---" if place == 0 or place in table.text else "---:" for place in range(len(table.head))]
    body = []
    for entry in table.rows:
        cells = [_escaped(str(cell) if isinstance(cell, tables.Named) else plain_text(cell)) for cell in entry.cells]
        body.append(row(f"**{cell}**" if cell and entry.kind == "lead" else cell for cell in cells))
    return "\n".join([row(map(_escaped, table.head)), row(rules), *body])

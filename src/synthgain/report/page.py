"""The report: one self-contained HTML page, and its figures as files."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from synthgain.gate import UTILITY
from synthgain.report import (
    audit_tables,
    belief,
    drawing,
    explain_tables,
    fairness_tables,
    figures,
    grids,
    notes,
    privacy_tables,
    tables,
    worth,
)
from synthgain.report.material import Material
from synthgain.report.wording import first_upper, metric_name, p_value, points, share, shown

CONTENTS = (
    ("gain", "Gain"), ("belief", "Why believe it"), ("classes", "Class by class"), ("worth", "Worth"),
    ("fairness", "Fairness"), ("explain", "Where it looks"), ("screening", "How arms were chosen"),
    ("images", "Images"), ("fidelity", "Fidelity"), ("privacy", "Privacy"),
    ("release", "Release"), ("data", "Data"), ("reproduce", "Reproduce"),
)  # fmt: skip
_SHAPES = {
    "gain": '<path d="M12 3 22 20H2z"/>',
    "loss": '<path d="M12 21 2 4h20z"/>',
    "no difference": '<path d="M3 6.5h18v4H3zM3 13.5h18v4H3z"/>',
    "inconclusive": '<path d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14z"/>'
    '<path d="M7 10.5h10v3H7z"/>',
}


@dataclass(frozen=True)
class Drawn:
    """One figure: for a page as SVG and PNG, for a phone as SVG."""

    wide: bytes
    narrow: bytes
    picture: bytes


@dataclass(frozen=True)
class Page:
    html: bytes
    figures: Mapping[str, bytes]
    """File name to content, PNG and SVG of every figure."""


def render(material: Material) -> Page:
    """The page and its figures; the same bytes for the same material."""
    drawn = draw(material)
    files = {f"{name}.svg": each.wide for name, each in drawn.items()}
    files |= {f"{name}.png": each.picture for name, each in drawn.items()}
    return Page(compose(material, drawn), files)


def draw(material: Material) -> dict[str, Drawn]:
    """Every figure by name; `generators` only where a generator was trained."""
    gains, level = material.gains, material.level
    headline = gains.get("headline") or {}
    drawers: dict[str, Callable[[bool], Any]] = {
        "forest": lambda wide: figures.forest(gains, level=level, wide=wide),
        "recall": lambda wide: figures.recall(gains, level=level, wide=wide),
        "classifiers": lambda wide: figures.classifier_curves(material.confirm_history, headline, wide=wide),
    }
    if material.gains["learning_curve"]["points"]:
        drawers["learning_curve"] = lambda wide: worth.learning_curve(material.gains, level=material.level, wide=wide)
    if material.generator_history:
        drawers["generators"] = lambda wide: figures.generator_curves(material.generator_history, wide=wide)
    drawn = {}
    for name, drawer in drawers.items():
        wide = drawer(True)
        drawn[name] = Drawn(drawing.svg(wide), drawing.svg(drawer(False)), drawing.png(wide))
    return drawn


def compose(material: Material, drawn: Mapping[str, Drawn]) -> bytes:
    """The page around its figures."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return (
        environment.get_template("page.html.j2")
        .render(
            style=Markup((folder / "style.css").read_text()),
            contents=CONTENTS,
            pixels=material.real.shape[-1] < notes.SHARP_BELOW,
            name=material.config["dataset"]["name"],
            verdict=_verdict(material.gains["verdict"]),
            untrusted=material.gate[UTILITY]["untrusted"],
            keys=_keys(material.gains, material.level),
            claim=notes.claim(material.gains, material.level, str(material.cell)),
            not_the_claim=notes.not_the_claim(material.gains),
            plan=material.plan,
            calculator=worth.calculator(material.gains),
            no_curve=first_upper(material.gains["learning_curve"].get("why", "")),
            script=Markup(worth.SCRIPT),
            script_hash=worth.script_hash(),
            figures=_shown(drawn, material.level),
            grids=grids.by_class(material.real, material.synthetic),
            fidelity=audit_tables.fidelity_tables(material.fidelity, material.real.classes),
            galleries=audit_tables.galleries(material),
            privacy_wording=privacy_tables.wording(material.privacy),
            subgroups=fairness_tables.subgroup_tables(material.subgroups),
            not_compared=fairness_tables.left_out(material.subgroups),
            explained={
                "why": material.explained.get("why", ""),
                "columns": explain_tables.columns(material),
                "classes": explain_tables.maps(material),
                "warnings": explain_tables.warnings(material.explained),
                "completeness": explain_tables.completeness(material.explained),
                "localisation": explain_tables.localisation_notes(material.explained),
                "latent": explain_tables.latent_strips(material),
            },
            reasons={
                "arms": tables.without_interval(material.gains, tables.FIRST_METRICS),
                "more": tables.without_interval(material.gains, tables.other_metrics(material.gains)),
            },
            data_notes=[str(note) for note in material.facts.get("notes") or ()],
            config=_yaml(material.config),
            tables=_tables(material),
            notes=notes.all_notes(material),
        )
        .encode()
    )


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The sentence, parted from the word that it begins with and from the numbers in parentheses after it."""
    word, sentence = str(verdict["word"]), str(verdict["sentence"])
    rest = sentence[len(word) :].lstrip(" :") if sentence.lower().startswith(word) else sentence
    parted = re.fullmatch(r"(.*?) (\([^()]*;.*)", rest, re.DOTALL)
    said, numbers = parted.groups() if parted else (rest, "")
    shape = Markup('<svg viewBox="0 0 24 24" fill="currentColor">{}</svg>').format(Markup(_SHAPES[word]))
    return {
        "word": first_upper(word), "said": said, "numbers": numbers, "class": word.replace(" ", "-"), "shape": shape,
        "reasons": verdict.get("reasons") or [],
    }  # fmt: skip


def _keys(gains: Mapping[str, Any], level: float) -> list[dict[str, Any]]:
    headline = gains["headline"]
    metric, arms = headline["metric"], gains["arms"]
    limits = (
        f"{100 * level:g} % interval {points(headline['low'])} to {points(headline['high'])}"
        if headline.get("low") is not None and headline.get("high") is not None
        else "no interval"
    )

    def score(role: str) -> dict[str, Any]:
        return {
            "value": shown(arms.get(headline[role], {}).get(metric), "mean", share), "about": headline[role],
        }  # fmt: skip

    detectable = shown(headline, "minimum_detectable_gain", lambda value: f"{points(value, signed=False)} points")
    return [
        {"label": f"Difference in {metric_name(metric)}", "value": shown(headline, "difference", _in_points),
         "about": limits},
        {"label": "With synthetic images", **score("candidate")},
        {"label": "Strongest without, on validation", **score("baseline")},
        {"label": "p, the larger of two tests", "value": shown(headline, "p", p_value),
         "about": f"bootstrap, sign-flip over {gains['seeds']} seeds"},
        {"label": "Smallest gain it could detect", "value": detectable, "about": "with 80 % power"},
        {"label": "Test images", "value": f"{gains['n_test']:,}",
         "about": f"{gains['n_groups']:,} patients or groups"},
    ]  # fmt: skip


def _in_points(value: float) -> str:
    return f"{points(value)} points"


def _yaml(config: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def _tables(material: Material) -> dict[str, tables.Table | None]:
    gains, classes = material.gains, material.real.classes
    listed = material.quarantine.head(notes.QUARANTINE_SHOWN)
    return {
        "contrasts": tables.contrast_table(gains),
        "belief": belief.table(
            gains, material.plan, material.scores, material.validation, material.gate[UTILITY]["untrusted"]
        ),
        "levels": worth.levels_table(gains, material.config["dataset"]["labels"][0]),
        "equivalents": worth.equivalents_table(gains),
        "reach": fairness_tables.reach_table(material.fidelity),
        "curve": worth.curve_table(gains["learning_curve"]),
        "details": tables.detail_table(gains),
        "fixed_pairs": tables.fixed_pair_table(gains),
        "arms": tables.arm_table(gains, tables.FIRST_METRICS),
        "more": tables.arm_table(gains, tables.other_metrics(gains)),
        "ratios": tables.ratio_table(material.scores, material.plan),
        "baselines": tables.baseline_table(material.scores, material.plan),
        "diversity": audit_tables.diversity_table(material.fidelity, classes),
        "recognition": audit_tables.recognition_table(material.fidelity, classes),
        "selection": audit_tables.selection_table(material.selection),
        "selection_by_class": audit_tables.selection_by_class(material.selection, classes),
        "privacy": privacy_tables.privacy_table(material.privacy),
        "privacy_power": privacy_tables.power_table(material.privacy),
        "privacy_by_class": privacy_tables.by_class(material.privacy, classes),
        "membership": privacy_tables.membership_table(material.privacy),
        "randomisation": explain_tables.randomisation_table(material.explained),
        "localisation": explain_tables.localisation_table(material.explained),
        "gate": fairness_tables.gate_table(material.gate["utility"]),
        "counts": tables.counts_table(tables.counts(material.real)),
        "facts": tables.facts_table(material.facts),
        "checks": tables.checks_table(material.validation),
        "quarantine": tables.plain_table(listed, ("Image", "Reason", "Detail")) if len(listed) else None,
        "artifacts": tables.pairs_table(material.artifacts, ("Output", "SHA-256 of its manifest")),
        "versions": tables.pairs_table(material.versions, ("Package", "Version")),
    }


def _shown(drawn: Mapping[str, Drawn], level: float) -> dict[str, dict[str, str] | None]:
    """Each figure as the template wants it; None for one that there is not."""
    return {
        name: {
            "wide": grids.data_uri(drawn[name].wide, "image/svg+xml"),
            "narrow": grids.data_uri(drawn[name].narrow, "image/svg+xml"),
            "alt": alt,
            "caption": caption.format(level=f"{100 * level:g}"),
        }
        if name in drawn
        else None
        for name, (alt, caption) in notes.FIGURES.items()
    }

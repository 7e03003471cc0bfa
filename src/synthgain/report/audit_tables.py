"""What the audit of each generator's images says: fidelity, selection, the closest pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from synthgain.arms.arm import CONTROLS
from synthgain.report.grids import difference, png_uri
from synthgain.report.material import Material
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import decimals, generator_order, interval, p_value, share, shown

Reports = Mapping[str, Mapping[str, Any]]
PAIRS_SHOWN = 6
ENCODER = "encoder"
"""The project's own extractor, which every audit has."""
_MEASURES = {
    "kid": ("KID", "distance; 0: same distribution"),
    "fid": ("FID", "distance; compare with real"),
    "fid_infinity": ("FID∞", "FID of endlessly many images"),
    "precision": ("Precision", "synthetic images that look real"),
    "density": ("Density", "the same, heeding how many real ones are near; may exceed 1"),
    "recall": ("Recall", "real variety that is reached"),
    "coverage": ("Coverage", "real images with a synthetic one nearby"),
    "c2st": ("C2ST", "accuracy of telling synthetic from real; 50 %: cannot"),
}
_SHARES = ("precision", "recall", "coverage", "c2st")
_SELECTED = ("Drawn", "Kept", "Dropped for confidence", "Dropped for similarity")


def fidelity_table(fidelity: Reports, extractor: str, label: str | None = None) -> Table:
    """A row per measure, a column per generator; below each value the real-versus-real one.

    In the features of ``extractor``; of class ``label``, else pooled over classes.
    """
    names = [name for name in generator_order(fidelity) if extractor in fidelity[name]["extractors"]]
    found = {name: fidelity[name]["extractors"][extractor] for name in names}
    records = {name: each["pooled"] if label is None else each["per_class"][label] for name, each in found.items()}
    rows = [
        Row([Named(title, about), *(_beside_real(records[name], measure) for name in names)])
        for measure, (title, about) in _MEASURES.items()
    ]
    counts = [f"{records[name]['n_synthetic']:,}, {records[name]['n_real']:,}" for name in names]
    rows.append(Row(["Images synthetic, real", *counts], "quiet"))
    return Table(["Measure", *map(_titled, names)], rows, caption=label or "")


def fidelity_tables(fidelity: Reports, classes: Sequence[str]) -> list[dict[str, Any]]:
    """For each extractor its name, what it is, the table of all classes and one of each class; the encoder first."""
    found = {name: each for record in fidelity.values() for name, each in record["extractors"].items()}
    return [
        {
            "name": name,
            "about": f"{found[name]['features']:,} features, SHA-256 {found[name]['sha256']}",
            "pooled": fidelity_table(fidelity, name),
            "by_class": [fidelity_table(fidelity, name, label) for label in classes],
        }
        for name in sorted(found, key=lambda name: (name != ENCODER, name))
    ]


def _titled(name: str) -> str:
    return f"{name}, control" if name in CONTROLS else name


def _named(name: str) -> Named:
    return Named(name, "control" if name in CONTROLS else "")


def _beside_real(record: Mapping[str, Any], measure: str) -> Markup:
    """The value with its interval or range, and the real one with its range below it."""
    value, null = record[measure], record[f"{measure}_null"]
    key, key_null = ("value" if "value" in each else "mean" for each in (value, null))
    form = share if measure in _SHARES else decimals(value[key], null[key_null])
    if value[key] is None and value.get("why") == null.get("why"):
        return interval(value, key, form)
    p = Markup(' <span class="ci">p {}</span>').format(p_value(value["p"])) if value.get("p") is not None else ""
    real = interval(null, key_null, form)
    return Markup('{}{} <span class="about">real: {}</span>').format(interval(value, key, form), p, real)


def diversity_table(fidelity: Reports, classes: Sequence[str]) -> Table:
    """MS-SSIM within a class: a row per generator, a column per class; below each value that of real images."""
    rows = []
    for name in generator_order(fidelity):
        found = fidelity[name]["diversity"]
        records = [found["pooled"], *(found["per_class"][label] for label in classes)]
        rows.append(Row([_named(name), *(_beside_real(record, "ms_ssim") for record in records)]))
    return Table(["Generator", "All classes", *classes], rows)


def recognition_table(fidelity: Reports, classes: Sequence[str]) -> Table:
    """Share of images whose (intended) class a classifier trained on real images recognises, and of real images."""
    names = generator_order(fidelity)
    found = {name: fidelity[name]["recognition"].get("synthetic", _NONE_KEPT) for name in names}
    rows = [Row([_named(name), *_recognised(found[name], classes)]) for name in names]
    if names:
        chance = f"{share(fidelity[names[0]]['recognition']['chance'])} by chance"
        real = fidelity[names[0]]["recognition"].get("real_val")
        rows.append(Row([Named("real, validation", chance), *_recognised(real, classes)], "quiet"))
    return Table(["Images", "All classes", *classes], rows)


_NONE_KEPT = {"share": None, "why": "no image was kept"}


def _recognised(record: Mapping[str, Any] | None, classes: Sequence[str]) -> list[str | Markup]:
    each = (record or {}).get("per_class", {})
    return [shown(record, "share", share), *(shown(each.get(label, record), "share", share) for label in classes)]


def selection_table(selection: Reports) -> Table:
    """What was drawn, kept and dropped of each generator, from ``selection.json``."""
    rows = []
    for name in generator_order(selection):
        found = selection[name]
        aside = "" if found["enough"] else f"fewer than the {found['needed']:,} that the largest ratio needs"
        rows.append(Row([Named(name, found["why"] or aside), *_selected(found["all"])]))
    return Table(["Generator", *_SELECTED], rows)


def selection_by_class(selection: Reports, classes: Sequence[str]) -> Table | None:
    """The same for each class of the generators that were filtered."""
    rows = [
        Row([f"{name}: {label}", *_selected(selection[name]["classes"][label])])
        for name in generator_order(selection)
        if selection[name]["filtered"]
        for label in classes
        if label in selection[name]["classes"]
    ]
    return Table(["Generator: class", *_SELECTED], rows) if rows else None


def _selected(counts: Mapping[str, int]) -> list[str | Markup]:
    kept = _beside(f"{counts['kept']:,}", share(counts["kept"] / counts["drawn"])) if counts["drawn"] else "0"
    return [
        f"{counts['drawn']:,}",
        kept,
        f"{counts['rejected_by_confidence']:,}",
        f"{counts['rejected_by_similarity']:,}",
    ]


def _beside(value: str, aside: str) -> Markup:
    return Markup('<span class="number">{}</span> <span class="ci">({})</span>').format(value, aside)


def galleries(material: Material) -> list[dict[str, Any]]:
    """For each trained generator its images that come nearest to a training image: image, neighbour, difference."""
    trained = [name for name in generator_order(material.neighbours) if name not in CONTROLS]
    return [{"name": name, "pairs": _pairs(material, name)} for name in trained]


def _pairs(material: Material, name: str) -> list[dict[str, Any]]:
    near, made, real = material.neighbours[name], material.synthetic[name], material.real
    pairs = []
    for at in range(min(PAIRS_SHOWN, len(near["rms"]))):
        row, beside, mirrored = int(near["synthetic"][at]), int(near["train"][at]), bool(near["flipped"][at])
        drawn, known = np.asarray(made.images[row]), np.asarray(real.images[beside])
        known = known[..., ::-1] if mirrored else known
        labels = (
            f"{made.table['label'].iat[row]} · {real.table['label'].iat[beside]}{' (mirrored)' if mirrored else ''}"
        )
        caption = f"{labels} · RMS {float(near['rms'][at]):.1f} grey levels"
        pictures = [png_uri(drawn), png_uri(known), png_uri(difference(drawn, known))]
        about = f"Synthetic image, nearest training image, difference: {caption}"
        pairs.append({"about": about, "pictures": pictures, "caption": caption})
    return pairs

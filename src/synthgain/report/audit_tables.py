"""What the audit of each generator's images says: fidelity, selection, the closest pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from synthgain.arms.arm import CONTROLS
from synthgain.report.grids import difference, png_uri
from synthgain.report.material import Material
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import decimals, generator_order, interval, share, shown

Reports = Mapping[str, Mapping[str, Any]]
PAIRS_SHOWN = 6
_DISTANCES = ("KID", "KID real vs real", "FID", "FID real vs real", "Images synthetic, real")
_SELECTED = ("Drawn", "Kept", "Dropped for confidence", "Dropped for similarity")


def fidelity_table(fidelity: Reports) -> Table:
    """KID and FID of each generator, pooled over classes, beside their real-versus-real values."""
    rows = [Row([_named(name), *_distances(fidelity[name]["pooled"])]) for name in generator_order(fidelity)]
    return Table(["Generator", *_DISTANCES], rows)


def fidelity_by_class(fidelity: Reports, classes: Sequence[str]) -> Table:
    """The same class by class."""
    rows = [
        Row([f"{name}: {label}", *_distances(fidelity[name]["per_class"][label])])
        for name in generator_order(fidelity)
        for label in classes
    ]
    return Table(["Generator: class", *_DISTANCES], rows)


def _named(name: str) -> Named:
    return Named(name, "control" if name in CONTROLS else "")


def _distances(record: Mapping[str, Any]) -> list[str | Markup]:
    """Each distance with as many decimals as its real-versus-real value."""
    kid, kid_null, fid, fid_null = (record[name] for name in ("kid", "kid_null", "fid", "fid_null"))
    of_kid, of_fid = decimals(kid.get("value"), kid_null.get("mean")), decimals(fid.get("mean"), fid_null.get("mean"))
    return [
        interval(kid, "value", of_kid), interval(kid_null, form=of_kid), interval(fid, form=of_fid),
        interval(fid_null, form=of_fid), f"{record['n_synthetic']:,}, {record['n_real']:,}",
    ]  # fmt: skip


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

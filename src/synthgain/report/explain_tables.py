"""Where the two compared classifiers look, and whether that can be relied on: maps, tables and sentences."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from synthgain.report.grids import latent_strip, marked, overlay, png_uri
from synthgain.report.material import Material
from synthgain.report.tables import Named, Row, Table
from synthgain.report.wording import decimals, first_upper, generator_order, interval, missing, points, share, shown

METHODS = {
    "grad_cam": "Grad-CAM", "occlusion": "occlusion", "integrated_gradients": "integrated gradients",
}  # fmt: skip
_ROLES = ("baseline", "candidate")
_MEASURES = {"pointing": "brightest point on the lesion", "energy": "share of the saliency on the lesion"}
_FAILS = "fails its randomisation check"
NOTES = {
    "explain": "A map shows where a network looked, not why, and is no evidence that its answer is right. Orange "
    "speaks for the image's true class, blue against it; each map is scaled to its own strongest point, so that two "
    "maps cannot be compared in strength. Grad-CAM weighs the network's last feature maps and is coarse; occlusion "
    "covers a square at a time and watches the answer; integrated gradients adds up the influence of single pixels. "
    "The images are test images, chosen by rule and not by eye, each of another patient where there are enough.",
    "randomisation": "Similarity (Spearman's rank correlation, where the image is not black; 1: the same) of the maps "
    "with those of networks that know nothing: the last layers, then all, drawn anew at random, and a network trained "
    "on permuted labels, which it has to have learnt. It must fall: a method whose maps stay as they were shows the "
    "image's outlines and not what the network learnt. Whole image: with all layers random, black surroundings "
    "included, which any two maps share.",
    "localisation": "Brightest point on the lesion: how often the map's maximum lies there (pointing game). Share of "
    "the saliency: of all that speaks for the class. Mean and interval over patients; chance: the lesions' mean share "
    "of the image. The difference is paired, image by image, and one of these two networks, not of their arms; nothing "
    "is corrected for the number of rows.",
    "latent": "Drawn anew for this purpose and in no training set. From class to class: one noise, the class moved "
    "step by step. Directions: one noise moved by −3 to 3 standard deviations along the directions of the latent code "
    "that change the network's first layer most (SeFa). Guidance: one noise, the class weighed by 1 (as it is), 2, 4 "
    "and 8.",
}


def columns(material: Material) -> list[str]:
    """What each picture of a row of `maps` is."""
    methods = _methods(material.explained)
    lesion = ["lesion"] if "masks" in material.maps else []
    return ["image", *lesion, *(f"{METHODS[method]}, {role}" for method in methods for role in _ROLES)]


def maps(material: Material) -> list[dict[str, Any]]:
    """For each class a row per image: the image, its lesion where that is known, the maps of both classifiers."""
    sample = material.explained.get("sample", ())
    return [
        {
            "label": label,
            "rows": [_row(material, place) for place, each in enumerate(sample) if each["label"] == label],
        }
        for label in dict.fromkeys(each["label"] for each in sample)
    ]


def _row(material: Material, place: int) -> dict[str, Any]:
    each, stored = material.explained["sample"][place], material.maps
    image = stored["images"][place]
    called = "; ".join(
        f"{role}: {each[role]['called']}, {100 * each[role]['probability']:.0f}\u00a0%" for role in _ROLES
    )
    pictures = [image] + ([marked(image, stored["masks"][place])] if "masks" in stored else [])
    pictures += [
        overlay(image, stored[f"{role}.{method}"][place])
        for method in _methods(material.explained) for role in _ROLES
    ]  # fmt: skip
    about = f"Test image of class {each['label']} and maps of where the classifiers look. {first_upper(called)}"
    name = first_upper(called).replace("_", "_\u200b")  # where a long name of a class may be broken
    return {"name": name, "about": about, "pictures": [png_uri(picture) for picture in pictures]}


def _methods(explained: Mapping[str, Any]) -> list[str]:
    return [name for name in METHODS if name in explained.get("randomisation", {}).get("candidate", {})]


def completeness(explained: Mapping[str, Any]) -> list[str]:
    """How far the maps of integrated gradients miss what they must sum to."""
    missed = explained.get("incompleteness")
    if missed is None:
        return []
    each = " and ".join(f"{share(missed[role])} ({role})" for role in _ROLES)
    return [f"Integrated gradients sum to the change of the answer from a black image but for {each} of it."]


def warnings(explained: Mapping[str, Any]) -> list[str]:
    """A sentence for each method that fails its randomisation check."""
    return [
        f"{first_upper(METHODS[method])} of the {role} {_FAILS} (similarity {check['similarity']:.2f}, limit "
        f"{check['limit']:g}): its maps show the image more than what the network learnt."
        for method in _methods(explained)
        for role in _ROLES
        if (check := explained["randomisation"][role][method])["passes"] is False
    ]


def randomisation_table(explained: Mapping[str, Any]) -> Table | None:
    """A row per method and classifier: similarity to maps of networks without knowledge, and the finding."""
    methods = _methods(explained)
    if not methods:
        return None
    checks, form = explained["randomisation"], decimals()
    rows = []
    for method in methods:
        for role in _ROLES:
            check = checks[role][method]
            cells = [shown(each, "similarity", form) for each in (*check["cascade"], check["permuted_labels"])]
            cells.append(shown(check["cascade"][-1], "whole_image", form))
            name = Named(first_upper(METHODS[method]), f"{role}, {explained['arms'][role]}")
            finding = missing(check) if check["passes"] is None else _finding(check["passes"])
            rows.append(Row([name, *cells, finding]))
    first = checks["candidate"][methods[0]]
    random = [f"Last {each['layers']} of {first['layers']} layers random" for each in first["cascade"][:-1]]
    head = ["Method", *random, "All layers random", "Labels permuted", "Whole image", "Finding"]
    return Table(head, rows, text=frozenset([len(head) - 1]))


def _finding(passes: bool) -> Markup:
    kind, shape, word = ("no-difference", "■", "passes") if passes else ("loss", "▼", _FAILS)
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>').format(kind, shape, word)


def localisation_table(explained: Mapping[str, Any]) -> Table | None:
    """A row per method and measure: both classifiers and their paired difference; last what chance gives."""
    found = explained.get("localisation", {})
    if "methods" not in found:
        return None
    rows = [
        Row([
            Named(first_upper(METHODS[method]), about),
            *(interval(found["methods"][method][measure][role], "value") for role in _ROLES),
            interval(found["methods"][method][measure]["difference"], "value", points),
        ])
        for method in _methods(explained) for measure, about in _MEASURES.items()
    ]  # fmt: skip
    rows.append(Row(["By chance", share(found["chance"]), share(found["chance"]), ""], "quiet"))
    arms = [f"{first_upper(role)}, {explained['arms'][role]}" for role in _ROLES]
    return Table(["Method", *arms, "Difference, points"], rows)


def localisation_notes(explained: Mapping[str, Any]) -> list[str]:
    """On what the table rests, or why there is none."""
    found = explained.get("localisation", {})
    if "methods" not in found:
        return [f"{first_upper(found['why'])}."] if "why" in found else []
    said = [
        f"{found['images']:,} test images with a lesion, of {found['patients']:,} patients or groups; "
        f"{100 * found['level']:g} % intervals."
    ]
    reasons = {
        each["low_why"]
        for measures in found["methods"].values() for roles in measures.values() for each in roles.values()
        if "low_why" in each
    }  # fmt: skip
    return said + [f"Without intervals: {reason}." for reason in sorted(reasons)]


def latent_strips(material: Material) -> list[dict[str, Any]]:
    """For each trained generator the strips of what its inputs do."""
    classes = material.real.classes
    return [
        {
            "name": name,
            "strips": [
                latent_strip(material.latent[f"{name}.{varied}"][place], _named(varied, place, classes), name)
                for varied in material.explained["latent"][name]
                for place in range(len(material.latent[f"{name}.{varied}"]))
            ],
        }
        for name in generator_order(material.explained.get("latent", {}))
    ]


def _named(varied: str, place: int, classes: tuple[str, ...]) -> str:
    if varied == "guidance":
        return f"guidance, {classes[place]}"
    return f"class to class, noise {place + 1}" if varied == "classes" else f"direction {place + 1}, {classes[0]}"

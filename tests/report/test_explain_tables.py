"""What the report says of where the classifiers look."""

import re
from dataclasses import replace
from html import unescape
from types import ModuleType

import numpy as np

from synthgain.report import explain_tables, grids, page
from synthgain.report.material import Material
from synthgain.report.page import Drawn, Page


def section(html: bytes) -> str:
    return html.decode().partition('<section id="explain">')[2].partition("</section>")[0]


def text(html: bytes) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", section(html))).split())


def test_a_method_that_fails_its_check_is_named_before_its_maps(rendered: Page) -> None:
    read = text(rendered.html)
    warning = "Occlusion of the baseline fails its randomisation check (similarity 0.83, limit 0.5)"
    assert read.index(warning) < read.index("image lesion Grad-CAM, baseline")
    assert "Occlusion baseline, classic 0.71 0.83 0.11 0.62 ▼ fails its randomisation check" in read
    assert "Grad-CAM candidate, synthetic-edm-r1 0.71 0.04 0.11 0.62 ■ passes" in read
    assert read.count("fails its randomisation check") == 2
    assert "not why, and is no evidence that its answer is right" in read


def test_lesions_found_stand_beside_the_paired_difference_and_chance(rendered: Page) -> None:
    read = text(rendered.html)
    assert "brightest point on the lesion 55.0 % (45.0 to 65.0) 62.0 % (52.0 to 72.0) +7.0 (−3.0 to +17.0)" in read
    assert "By chance 2.7 %" in read
    assert "48 test images with a lesion, of 31 patients or groups" in read
    assert "but for 2.4 % (baseline) and 1.5 % (candidate)" in read


def test_each_shown_image_has_its_lesion_and_a_map_per_method_and_classifier(rendered: Page, toy: ModuleType) -> None:
    shown = section(rendered.html)
    assert shown.count("data:image/png") == len(toy.CLASSES) * (2 + 2 * 2)
    assert "secret" not in rendered.html.decode(), "no image is named"


def test_without_masks_the_reason_stands_in_place_of_the_table(
    toy: ModuleType, gathered: Material, drawn: dict[str, Drawn]
) -> None:
    without = toy.explained() | {"localisation": {"why": "the data bring no masks"}}
    maps = {name: each for name, each in gathered.maps.items() if name != "masks"}
    read = text(page.compose(replace(gathered, explained=without, maps=maps), drawn))
    assert "The data bring no masks." in read
    assert "By chance" not in read
    assert "image Grad-CAM, baseline" in read


def test_what_was_not_asked_for_says_so(gathered: Material, drawn: dict[str, Drawn]) -> None:
    nothing = replace(gathered, explained={"why": "explain.images is 0"}, maps={}, latent={})
    assert "Not looked at: explain.images is 0." in text(page.compose(nothing, drawn))


def test_missing_intervals_have_their_reason(toy: ModuleType) -> None:
    found = toy.explained()
    few = {"value": 0.5, "low": None, "high": None, "low_why": "insufficient n: 3 patients"}
    found["localisation"]["methods"]["grad_cam"]["pointing"] = dict.fromkeys(
        ("candidate", "baseline", "difference"), few
    )
    assert "Without intervals: insufficient n: 3 patients." in explain_tables.localisation_notes(found)


def test_an_overlay_is_orange_for_blue_against_and_clear_where_nothing_speaks() -> None:
    image = np.full((1, 1, 3), 100, np.uint8)
    shown = grids.overlay(image, np.array([[1.0, 0.0, -1.0]]))
    assert shown[:, 0].T.tolist() == [[230, 159, 0], [100, 100, 100], [86, 180, 233]]

"""What a clinician reads of subgroups and of the gate."""

import json
import re
from dataclasses import replace
from html import unescape
from types import ModuleType
from typing import Any

import pytest

from synthgain import gate
from synthgain.evaluation import subgroups
from synthgain.report import fairness_tables, page
from synthgain.report.material import Material
from synthgain.report.page import Drawn, Page
from synthgain.report.results_page import results_markdown


def section(html: bytes, name: str) -> str:
    """What is read in a section of the page."""
    part = html.decode().partition(f'<section id="{name}">')[2].partition("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", part)).split())


def test_every_subgroup_is_read_with_its_patients_both_arms_and_the_difference(rendered: Page) -> None:
    read = section(rendered.html, "fairness")
    assert "By sex" in read
    assert (
        "F 60 patients or groups, 120 images 61.0 % (55.0 to 67.0) 62.2 % (56.2 to 68.2) +1.2 (−5.3 to +7.7) 0.400 "
        "● may lose beyond the margin" in read
    )
    assert "M 60 patients or groups, 120 images 61.0 % (55.0 to 67.0) 63.0 % (57.0 to 69.0)" in read
    assert "■ no loss beyond the margin" in read


def test_every_subgroup_is_read_with_the_share_that_each_generator_reaches(rendered: Page) -> None:
    read = section(rendered.html, "fairness").partition("Do the generators reach every subgroup?")[2]
    assert "site: b 30 patients or groups, 60 images" + 4 * " 42.0 % (34.0 to 50.0)" in read
    assert "insufficient n: 10 patients or groups, 20 needed" in read


def test_the_gap_stands_below_with_its_change_and_what_chance_makes(rendered: Page) -> None:
    read = section(rendered.html, "fairness")
    assert (
        "best minus worst subgroup, and its change 5.1 (M minus F) 7.2 (M minus F) +2.1 (+0.4 to +3.8) ▼ wider" in read
    )
    assert "would show a gap of about 3.4 points by chance" in read
    assert "Thirds of the training images, parted at 1.5 and 3." in read
    assert "Not known for 3 test images" in read


def test_small_subgroups_and_attributes_that_are_left_out_are_named(toy: ModuleType, rendered: Page) -> None:
    read = section(rendered.html, "fairness")
    assert f"{toy.HOSTILE} 4 patients or groups, 8 images ● insufficient n 4 test patients or groups, 20 needed" in read
    assert "a gap needs two" in read
    assert f"ward is not compared: {toy.ONE_VALUE}." in read
    assert toy.HOSTILE not in rendered.html.decode()
    assert not re.search(r"\b(nan|None)\b", read)


def test_data_without_attributes_say_that_nobody_knows(
    toy: ModuleType, gathered: Material, drawn: dict[str, Drawn]
) -> None:
    none = toy.subgroups() | {"attributes": {}, "left_out": {}, "word": None}
    read = section(page.compose(replace(gathered, subgroups=none), drawn), "fairness")
    assert "nobody knows whether the result holds for all patients alike" in read
    assert "A subgroup loses" not in read


def test_the_gate_shows_every_condition_with_its_reason(rendered: Page) -> None:
    read = section(rendered.html, "release")
    assert "The synthetic images behind synthetic-edm-r1, and classifiers trained with them, may be released" in read
    assert "The verdict allows it ▲ pass gain at +3.1 points" in read
    assert "No subgroup loses ● not known" in read
    assert "The privacy audit passed ● warning release the images, not the generator" in read


@pytest.mark.parametrize("word, said", [("no difference", "where the reason is privacy and no difference is enough"),
                                        ("loss", "the same holds where the reason is privacy")])  # fmt: skip
def test_both_reasons_are_answered(
    toy: ModuleType, gathered: Material, drawn: dict[str, Drawn], word: str, said: str
) -> None:
    records: dict[str, Any] = {"validation": [toy.VALIDATION | {"on_leak": "stop"}]}
    judged = gate.Records(
        toy.gains(word), toy.subgroups(), {"min_seeds": 6, "min_groups": 20}, records["validation"],
        {"edm": gathered.privacy["edm"]}, {"edm": gathered.selection["edm"]}, 0.05,
    )  # fmt: skip
    decisions = {reason: gate.decide(judged, reason) for reason in gate.REASONS}
    read = section(page.compose(replace(gathered, gate=decisions), drawn), "release")
    assert "are held back, where the reason for them is to help the classifier" in read
    assert said in read


def test_every_word_has_its_chip() -> None:
    words = {*subgroups.WORDS, subgroups.WIDER, subgroups.NARROWER, subgroups.WITHIN, subgroups.OPEN}
    words |= {gate.PASS, gate.FAIL, gate.UNKNOWN, gate.WARNING}
    for word in words:
        assert fairness_tables._chip(word)


def test_the_results_page_has_both_sections_and_no_markup_from_names(toy: ModuleType, results: dict[str, Any]) -> None:
    written = results_markdown(json.loads(json.dumps(results)))
    assert "## Is it fair?" in written
    assert "### By sex" in written
    assert "## May it be released?" in written
    assert "<script" not in written
    rows = [line for line in written.splitlines() if line.startswith(("| F (", "| M ("))]
    assert rows
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1

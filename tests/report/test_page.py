"""What a reader of the page is told, and what the page never does."""

import base64
import re
from dataclasses import replace
from html import unescape
from types import ModuleType

import pytest

from synthgain.paths import Paths
from synthgain.report import figures, material, page, worth
from synthgain.report.material import Material
from synthgain.report.page import Drawn, Page


def html(rendered: Page | bytes) -> str:
    return (rendered if isinstance(rendered, bytes) else rendered.html).decode()


def text(markup: str) -> str:
    """What is read: without tags, pictures and entities."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def body(rendered: Page | bytes) -> str:
    return text(html(rendered).split("<body", 1)[1].partition(">")[2])


@pytest.mark.parametrize("word", ["gain", "loss", "no difference", "inconclusive"])
def test_the_verdict_is_read_first_in_word_and_sentence(
    toy: ModuleType, gathered: Material, drawn: dict[str, Drawn], word: str
) -> None:
    shown = page.compose(replace(gathered, gains=toy.gains(word)), drawn)
    assert body(shown).lower().startswith(toy.SENTENCES[word].replace(":", "", 1).lower())
    assert f'<header class="verdict {word.replace(" ", "-")}">' in html(shown)


def test_a_leak_that_was_allowed_is_read_before_the_verdict(gathered: Material, drawn: dict[str, Drawn]) -> None:
    decision = gathered.gate["utility"] | {"untrusted": "the split leaks: 5 of 9 test images"}
    shown = page.compose(replace(gathered, gate=gathered.gate | {"utility": decision}), drawn)
    assert body(shown).startswith("These numbers mean nothing: the split leaks: 5 of 9 test images")
    assert "mean nothing" not in body(page.compose(gathered, drawn))


def test_nothing_is_loaded_from_elsewhere_and_only_the_calculator_runs(rendered: Page) -> None:
    content = html(rendered)
    loads = re.findall(r"""(?:\bsrc|srcset|href|action|data)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)""", content)
    for address in (first or second for first, second in loads):
        assert address.startswith(("data:", "#")), address
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{worth.script_hash()}'"
    assert policy in content
    assert content.count("<script") == 1
    assert f"<script>{worth.SCRIPT}</script>" in content
    assert not re.search(r"<iframe|<object|@import|\son\w+\s*=", content, re.IGNORECASE)


def test_hostile_names_are_text_in_the_page_and_in_its_figures(toy: ModuleType, rendered: Page) -> None:
    assert toy.HOSTILE in body(rendered)
    drawings = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", html(rendered))
    assert len(drawings) == 2 * len([name for name in rendered.figures if name.endswith(".svg")])
    for drawing in drawings:
        assert b"<script" not in base64.b64decode(drawing)


def test_tests_of_fixed_pairs_are_folded_away_and_say_what_they_are_not(rendered: Page) -> None:
    folded = re.search(r"<details><summary>More about these comparisons.*?</details>", html(rendered), re.DOTALL)
    assert folded
    read = text(folded[0])
    assert "synthetic-edm-r1 against classic +0.8 to +5.0 0.600" in read
    assert "seed 3 7 3 0.344 0.227 +1.2 0.046" in read
    assert "seed 7 7 3 0.344 0.227 one image of a class one image of a class" in read
    assert "describes one fixed pair of models, not the arms" in read
    assert "McNemar" not in body(rendered).replace(read, "")


def test_every_contrast_is_in_the_table_with_its_numbers(rendered: Page) -> None:
    read = body(rendered)
    for candidate, numbers, word in [
        ("synthetic-edm-r1 against classic", "+3.1 (+1.0 to +5.2) 0.004 0.008 not needed 2.7", "▲ gain"),
        ("synthetic-dcgan-r0.5 against classic", "−2.8 (−4.8 to −0.8) 0.004 0.008 0.020 2.7", "▼ loss"),
        ("oracle against classic", "+6.1 (+3.6 to +8.6) 0.004 0.008 0.004 2.7", "▲ gain"),
        ("duplicate against classic", "+0.4 (−0.8 to +1.6) 0.004 0.008 0.800 2.7", "■ no difference"),
        ("oversample against classic", "one seed failed to finish", "● inconclusive"),
        ("synthetic-edm-r1 against real", "+9.0 (+6.0 to +12.0) 0.004 0.008 not tested 2.7", "not the claim"),
    ]:
        assert f"{candidate} {numbers} {word}" in read


def test_what_is_missing_shows_its_reason(toy: ModuleType, rendered: Page) -> None:
    read = body(rendered)
    assert toy.NO_AUROC in read
    assert not re.search(r"\b(nan|None|null)\b", re.sub(r"Configuration.*", "", read))


def test_a_headline_without_numbers_says_why_everywhere(
    toy: ModuleType, gathered: Material, drawn: dict[str, Drawn]
) -> None:
    gains = toy.gains("inconclusive")
    why = "only one patient in test"
    numbers = ("difference", "low", "high", "p", "p_bootstrap", "p_sign_flip", "minimum_detectable_gain")
    gains["headline"] |= dict.fromkeys(numbers) | {"why": why, "per_seed": []}
    gains["not_the_claim"] |= dict.fromkeys(numbers) | {"why": why, "per_seed": []}
    read = body(page.compose(replace(gathered, gains=gains), drawn))
    assert why in " ".join(found.get_text() for found in figures.forest(gains).axes[0].texts)
    assert read.count(why) >= 5
    assert not re.search(r"\bNone\b", re.sub(r"Configuration.*", "", read))


def test_the_same_material_gives_the_same_bytes(
    toy: ModuleType, workspace: Paths, drawn: dict[str, Drawn], rendered: Page
) -> None:
    again = page.compose(material.gather(toy.config(), workspace), drawn)
    assert again == rendered.html


def test_screening_is_marked_as_no_evidence_and_names_what_was_chosen(rendered: Page) -> None:
    section = html(rendered).partition('<section id="screening">')[2].partition("</section>")[0]
    assert "Validation, screening; not evidence." in text(section)
    assert section.count(">chosen<") == 2


def test_the_ratio_table_has_generators_and_controls_by_ratio(rendered: Page) -> None:
    read = section(rendered, "screening")
    assert "Generator 0.5 per real image 1 per real image 2 per real image dcgan" in read
    assert re.search(r"duplicate not screened \d\d\.\d % \([^)]*\) not screened", read)


def test_the_page_shows_no_place_on_the_users_machine(workspace: Paths, rendered: Page) -> None:
    assert "/home/someone" not in html(rendered)
    assert str(workspace.root) not in html(rendered)


def test_quarantine_is_listed_and_counted(rendered: Page) -> None:
    read = body(rendered)
    assert "61 files could not be used" in read
    assert "The first 50 of 61" in read
    assert read.count("ends at byte 1024") == 50


def test_every_artifact_that_was_read_is_named_with_its_hash(gathered: Material, rendered: Page) -> None:
    assert {"ingest", "evaluate", "synthesize/edm", "audit/edm"} <= set(gathered.artifacts)
    for name, sha256 in gathered.artifacts.items():
        assert f"{name} {sha256}" in body(rendered)


def test_grids_show_real_and_kept_synthetic_images_of_each_class(rendered: Page, toy: ModuleType) -> None:
    section = html(rendered).partition('<section id="images">')[2].partition("</section>")[0]
    for label in toy.CLASSES:
        assert f"8 images of class {label}, real" in unescape(section)
        assert f"8 images of class {label}, drawn by edm" in unescape(section)
    grids, latent = section.split("What the generators' inputs do", 1)
    assert grids.count("data:image/png") == 8 * 4 * len(toy.CLASSES)
    assert latent.count("data:image/png") == 2 * 7 + 3 * 2 + 2 * 7 + 4 * 3


def section(rendered: Page, name: str) -> str:
    return text(html(rendered).partition(f'<section id="{name}">')[2].partition("</section>")[0])


def test_fidelity_stands_beside_its_real_versus_real_value(toy: ModuleType, rendered: Page) -> None:
    read = section(rendered, "fidelity")
    assert "Measure dcgan edm copies, control oracle, control KID distance; 0: same distribution" in read
    for numbers in (
        "0.410 (0.360 to 0.470) real: 0.004 (−0.006 to 0.024)",
        "12.30 (12.29 to 12.32) real: 4.56 (4.55 to 4.58)",
        "62.0 % (61.0 to 64.0) real: 71.0 % (70.0 to 73.0)",
        "83.0 % (78.0 to 88.0) p 0.005 real: 51.0 % (50.0 to 53.0)",
    ):
        assert f"{numbers} {numbers}" in read
    assert toy.FEW_FOR_INFINITY in read
    assert "edm 0.52 (0.47 to 0.56) real: 0.31 (0.28 to 0.34)" in read
    assert "Images of this size hold 2 of its 5 scales." in read
    assert toy.FEW in read
    assert "edm 80 66 (82.5 %) 8 6" in read


def test_every_extractor_is_shown_by_name_and_hash_the_encoder_first(rendered: Page) -> None:
    read = section(rendered, "fidelity")
    encoder, backbone = (read.index(f"{name}: 64 features, SHA-256 {sha * 64}") for name, sha in
                         (("encoder", "0"), ("backbone", "b")))  # fmt: skip
    assert encoder < backbone
    assert read.count("KID distance") == 2 * (1 + 4)


def test_copies_are_flagged_in_words_and_the_closest_pairs_of_generators_shown(toy: ModuleType, rendered: Page) -> None:
    read = section(rendered, "privacy")
    assert "copies control 100.0 % 100.0 % (1.0 %) 99.0 % (41 to 59 %; p 0.002)" in read
    assert "a control is not trained ▲ flagged not tested" in read
    assert "edm 0.0 % 0.0 % (1.0 %) 53.0 % (41 to 59 %; p 0.310)" in read
    assert "0.94 (0.89 to 0.98) not flagged ▲ flagged" in read
    assert toy.COPIED in read
    assert "insufficient n: 7 held-out patients, 10 needed" in read
    assert "insufficient n: 128 non-members, 300 needed" in read
    assert read.count("grey levels") >= 2 * 6
    assert "(mirrored)" in read


def test_a_number_without_an_interval_has_its_reason_below_the_table(rendered: Page) -> None:
    read = section(rendered, "gain")
    assert "Calibration error (ECE) without interval: biased upwards." in read
    assert "by chance alone: 4.0 %" in read

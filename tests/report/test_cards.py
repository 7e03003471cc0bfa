"""Cards and checklists: from stage outputs alone, with every reason, without patients."""

import json
import re
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from synthgain import artifact
from synthgain.cell import Cell
from synthgain.paths import Paths
from synthgain.report import cards, checklist_page, checklists
from synthgain.report.material import Material
from synthgain.stages import report


@pytest.fixture(scope="module")
def made(gathered: Material) -> dict[str, dict[str, Any]]:
    return cards.cards(gathered)


def test_there_is_a_card_for_every_synthetic_set_and_for_every_confirmed_classifier(made: dict[str, Any]) -> None:
    sets = {"data-copies", "data-dcgan", "data-edm", "data-oracle"}
    others = {"model-oversample", "model-duplicate", "model-synthetic-dcgan-r0.5", "model-oracle"}
    assert set(made) == sets | others | {"model-candidate", "model-baseline"}
    json.dumps(made, allow_nan=False)


def test_a_data_card_says_what_was_drawn_kept_found_and_decided(gathered: Material, made: dict[str, Any]) -> None:
    card = made["data-edm"]
    assert card["images"]["kept"] == 66
    assert sum(each["kept"] for each in card["images"]["classes"].values()) == 66
    assert card["privacy"] == {
        "flagged_images": False,
        "flagged_weights": True,
        "finding": "no memorisation detected",
        "images_audited": 62,
    }
    assert card["gain"]["contrasts"]["synthetic-edm-r1 against classic"]["word"] == "gain"
    assert card["release"]["decision"] == "may be released"
    assert card["release"]["conditions"]["verdict"].startswith("pass: ")
    assert card["hashes"]["synthetic_set"] == gathered.artifacts["synthesize/edm"]
    women = card["subgroups"]["attributes"]["sex"]["F"]
    assert (women["finding"], women["difference"]["value"]) == ("may lose", 0.012)


def test_other_generators_are_not_judged_and_controls_are_called_so(made: dict[str, Any]) -> None:
    assert made["data-dcgan"]["release"]["decision"].startswith("not judged")
    assert list(made["data-dcgan"]["gain"]["contrasts"]) == ["synthetic-dcgan-r0.5 against classic"]
    assert made["data-copies"]["intended_use"].startswith("A control")
    assert made["data-copies"]["privacy"]["flagged_images"]


def test_a_model_card_says_how_the_classifier_was_trained_and_what_it_reaches(
    toy: ModuleType, gathered: Material, made: dict[str, Any]
) -> None:
    candidate, baseline = made["model-candidate"], made["model-baseline"]
    assert candidate["training_data"]["synthetic"]["generator"] == "edm"
    assert candidate["training_data"]["synthetic"]["set_sha256"] == gathered.artifacts["synthesize/edm"]
    assert baseline["training_data"]["synthetic"] is None
    assert baseline["privacy"] is None
    missing = {"value": None, "low": None, "high": None, "why": toy.NO_AUROC}
    assert baseline["performance"]["macro AUROC"] == missing
    assert candidate["performance"]["macro AUROC"]["value"] == pytest.approx(0.72)
    assert candidate["performance"]["calibration error (ECE)"]["why"] == "biased upwards"
    assert candidate["model"]["seed"] == 3
    assert candidate["training_data"]["real"]["images"] == int((gathered.real.table["split"] == "train").sum())
    assert candidate["subgroups"]["gap"]["sex"] == 0.072
    assert baseline["release"]["decision"].startswith("not judged")


def test_the_card_of_another_confirmed_arm_tells_of_that_arm(gathered: Material, made: dict[str, Any]) -> None:
    card = made["model-synthetic-dcgan-r0.5"]
    assert (card["name"], card["role"]) == ("phantom, synthetic-dcgan-r0.5", "beside the declared contrast")
    assert card["training_data"]["synthetic"]["generator"] == "dcgan"
    assert (
        card["performance"]["accuracy"]["value"] == gathered.gains["arms"]["synthetic-dcgan-r0.5"]["accuracy"]["mean"]
    )
    assert list(card["gain"]["contrasts"]) == ["synthetic-dcgan-r0.5 against classic"]
    assert card["gain"]["contrasts"]["synthetic-dcgan-r0.5 against classic"]["word"] == "loss"
    assert not card["privacy"]["flagged_weights"]
    assert card["release"]["decision"].startswith("not judged")
    assert made["model-duplicate"]["training_data"]["synthetic"]["per_real_image"] == gathered.plan["ratio"] == 0.5
    assert made["model-candidate"]["role"] == "candidate"


def test_limits_that_are_no_interval_are_called_a_range_in_every_extractor(made: dict[str, Any]) -> None:
    found = made["data-edm"]["fidelity"]["extractors"]
    assert set(found) == {"encoder", "backbone"}
    for name, sha256 in (("encoder", "0" * 64), ("backbone", "b" * 64)):
        assert found[name]["sha256"] == sha256
        assert found[name]["kid"] == {"value": 0.41, "low": 0.36, "high": 0.47}
        assert found[name]["recall"] == {"value": 0.41, "range": [0.41 - 0.01, 0.41 + 0.02]}
        assert found[name]["fid_infinity"]["range"] is None
        assert {key.removesuffix("_null") for key in found[name]} >= {"c2st", "fid", "precision", "density", "coverage"}
    page = cards.markdown(made["data-edm"])
    assert page.count("- **recall:** 0.41 (range 0.4 to 0.43)") == 2
    assert page.count("- **c2st:** 0.83 (0.78 to 0.88)") == 2
    assert page.count(r"- **fid\_infinity:** not estimable (insufficient n: 50 images a side") == 2


def test_markdown_is_made_of_the_same_values_as_the_json(made: dict[str, Any]) -> None:
    for card in made.values():
        assert cards.markdown(json.loads(json.dumps(card))) == cards.markdown(card)
    page = cards.markdown(made["data-edm"])
    assert page.startswith("# Data card: phantom, drawn by edm\n")
    assert "- **kid:** 0.41 (0.36 to 0.47)" in page
    assert "not estimable (insufficient n: 4 test patients or groups, 20 needed)" in page


def test_names_from_the_data_cannot_become_markup(toy: ModuleType, gathered: Material, made: dict[str, Any]) -> None:
    pages = [*(cards.markdown(card) for card in made.values()), checklist_page.page(gathered)]
    for page in pages:
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    rows = [line for line in pages[-1].splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_no_patient_no_image_and_no_place_is_on_a_card(gathered: Material, made: dict[str, Any]) -> None:
    text = json.dumps(made) + checklist_page.page(gathered) + "".join(map(cards.markdown, made.values()))
    assert "/home/someone" not in text
    for column in ("patient_id", "image_id", "origin"):
        for value in gathered.real.table[column].unique():
            assert not re.search(rf"\b{re.escape(str(value))}\b", text), f"{column} {value}"


def test_in_a_cross_validation_the_cards_are_those_of_the_fold_that_is_shown(gathered: Material) -> None:
    folds = [{"candidate": "synthetic-dcgan-r0.5", "baseline": "classic"},
             {"candidate": "synthetic-edm-r1", "baseline": "oversample"}]  # fmt: skip
    headline = gathered.gains["headline"] | {"candidate": "chosen-synthetic", "baseline": "strongest-baseline"}
    arms = gathered.gains["arms"]
    arms = arms | {"chosen-synthetic": arms["synthetic-edm-r1"], "strongest-baseline": arms["classic"]}
    subgroups = json.loads(
        json.dumps(gathered.subgroups)
        .replace('"synthetic-edm-r1"', '"chosen-synthetic"')
        .replace('"classic"', '"strongest-baseline"')
    )
    found = replace(
        gathered, cell=Cell(fold=1), gains=gathered.gains | {"folds": folds, "headline": headline, "arms": arms},
        subgroups=subgroups, artifacts={f"{name}/fold-1": sha for name, sha in gathered.artifacts.items()},
    )  # fmt: skip
    made = cards.cards(found)
    assert made["model-candidate"]["name"] == "phantom, synthetic-edm-r1"
    assert made["model-baseline"]["name"] == "phantom, oversample"
    assert "chosen-synthetic against strongest-baseline" in made["data-edm"]["gain"]["contrasts"]
    assert "classic" in {card["name"].removeprefix("phantom, ") for card in made.values()}
    assert made["data-dcgan"]["release"]["decision"].startswith("not judged")
    assert checklist_page.page(found)


def test_an_arm_that_not_every_fold_confirmed_has_no_score_over_all_of_them(gathered: Material) -> None:
    arms = {name: scores for name, scores in gathered.gains["arms"].items() if name != "oracle"}
    card = cards.model_card(replace(gathered, gains=gathered.gains | {"arms": arms}), "oracle")
    assert card["performance"]["not_estimable"] == "this arm was not confirmed in every fold"
    assert "accuracy" not in card["performance"]


def test_without_attributes_the_limits_say_so(toy: ModuleType, gathered: Material) -> None:
    none = replace(gathered, subgroups=toy.subgroups() | {"attributes": {}})
    assert any(
        "names no attribute" in each or "name no attribute" in each for each in cards.cards(none)["data-edm"]["limits"]
    )
    assert checklist_page.known_facts(none)["attributes"] == "none"


@pytest.mark.parametrize(
    "items, count, last", [(checklists.TRIPOD_AI, 52, "27c"), (checklists.CLAIM, 44, "44")], ids=["TRIPOD+AI", "CLAIM"]
)
def test_every_item_is_there_once_and_is_filled_or_left_to_the_author(
    gathered: Material, items: tuple[checklists.Item, ...], count: int, last: str
) -> None:
    assert len({each.number for each in items}) == len(items) == count
    assert items[-1].number == last
    facts = checklist_page.known_facts(gathered)
    for each in items:
        assert each.known or each.add, each.number
        filled = each.known.format_map(facts)
        assert not re.search(r"[{}]|\bNone\b|\bnan\b", filled), filled


def test_the_checklist_points_to_the_numbers_of_this_study(gathered: Material) -> None:
    page = checklist_page.page(gathered)
    assert "52 items: " in page
    assert "56 test images of 52 patients or groups" in page
    assert "difference +3.1 (+1.0 to +5.2) points (report: Gain)" in page
    assert "1 may lose beyond the margin" in page
    assert "Grad-CAM (passes its randomisation check)" in page
    assert "two-level bootstrap (9,990 replicates)" in page


def test_the_checklist_says_what_could_not_be_estimated(toy: ModuleType, gathered: Material) -> None:
    checks = toy.explained()["randomisation"]["candidate"]
    checks["grad_cam"] |= {"passes": None, "similarity": None, "why": "most of its maps have no contrast"}
    checks["occlusion"]["passes"] = False
    headline = {key: value for key, value in gathered.gains["headline"].items() if key != "replicates"}
    unknown = replace(
        gathered, explained={"randomisation": {"candidate": checks}},
        gains=gathered.gains | {"headline": headline | {"why": "a class is missing among the test images"}},
    )  # fmt: skip
    page = checklist_page.page(unknown)
    assert "Grad-CAM (its randomisation check is not estimable)" in page
    assert "occlusion (does not pass its randomisation check)" in page.lower()
    assert "two-level bootstrap (a class is missing among the test images)" in page


def test_the_report_stage_writes_them_as_part_of_its_output(toy: ModuleType, workspace: Paths) -> None:
    report.run(toy.config(), workspace)
    found = artifact.read(workspace.out("report"))
    names = {name for name in found.manifest["files"] if name.startswith("cards/")}
    assert {
        "cards/checklist.md",
        "cards/data-edm.md",
        "cards/data-edm.json",
        "cards/model-candidate.json",
        "cards/model-oracle.md",
    } <= names
    assert found.json("cards/data-edm.json")["card"] == "data"

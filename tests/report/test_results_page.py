"""The study's page in the documentation comes from its JSON alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from synthgain.report.material import Material
from synthgain.report.results_page import results_json, results_markdown, write

STUDIES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "experiment").glob("*.yaml"))


def test_the_page_is_a_function_of_the_json_beside_it(results: dict[str, Any], tmp_path: Path) -> None:
    write(results, tmp_path)
    stored = json.loads((tmp_path / "phantom.json").read_text())
    assert results_markdown(stored) == (tmp_path / "phantom.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"phantom.json", "phantom.md", "phantom.svg"}


def test_the_page_tells_run_verdict_contrasts_arms_and_reasons(results: dict[str, Any]) -> None:
    page = results_markdown(results)
    assert "synthgain run" in page
    assert "0123abc" in page
    assert "2 CPU cores, 4.0 minutes" in page
    assert page.index("Verdict: gain") < page.index("## ")
    for part in ("+3.1 (+1.0 to +5.2)", "−2.8 (−4.8 to −0.8)", "one seed failed to finish", "not evidence"):
        assert part in page


def test_the_page_holds_every_extractor_and_the_similarity_within_classes(results: dict[str, Any]) -> None:
    page = results_markdown(results)
    for sign in ("0", "b"):
        assert f"SHA-256 {sign * 64}" in page
    assert "0.52 (0.47 to 0.56) real: 0.31 (0.28 to 0.34)" in page


def test_of_the_explanation_the_page_holds_numbers_and_no_image(results: dict[str, Any]) -> None:
    assert "secret" not in json.dumps(results)
    page = results_markdown(results)
    assert "fails its randomisation check" in page
    assert "62.0 % (52.0 to 72.0)" in page
    assert "data:image" not in page
    without = {**results, "explained": {"why": "explain.images is 0"}}
    assert "Not looked at: explain.images is 0." in results_markdown(without)


def test_labels_cannot_become_markup_or_new_columns(results: dict[str, Any]) -> None:
    page = results_markdown(results)
    assert "<script" not in page
    widths = {line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| Class")}
    assert len(widths) == 1


def test_the_committed_pages_are_made_from_the_committed_numbers(root: Path) -> None:
    folder = root / "docs" / "results"
    for study in (*STUDIES, "phantom"):
        found = json.loads((folder / f"{study}.json").read_text())
        again = "results_page.write(json.loads(path.read_text()), folder) makes it again"
        assert (folder / f"{study}.md").read_text() == results_markdown(found), f"{study}: {again}"


@pytest.mark.parametrize("study", STUDIES)
def test_what_a_study_says_to_cost_and_to_expect_is_what_was_found(root: Path, study: str) -> None:
    lines = (root / "conf" / "experiment" / f"{study}.yaml").read_text().splitlines()
    said = " ".join(" ".join(line.removeprefix("#") for line in lines if line.startswith("#")).split())
    found = json.loads((root / "docs" / "results" / f"{study}.json").read_text())
    headline = found["gains"]["headline"]
    baseline = found["gains"]["arms"][headline["baseline"]][headline["metric"]]["mean"]
    difference, low, high = (f"{round(100 * headline[key], 1) + 0.0:+.1f}" for key in ("difference", "low", "high"))
    assert f"Cost: {found['run']['wall_seconds'] / 60:.0f} minutes" in said
    assert f"Expected: {headline['word']}" in said
    assert f"; {headline['baseline']} {100 * baseline:.1f} % balanced accuracy" in said
    assert f", {headline['candidate']} {difference} points ({low} to {high})" in said


def test_the_page_of_the_leak_is_too(root: Path, module_at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(root / "benchmarks")
    folder = root / "docs" / "results"
    found = json.loads((folder / "leak.json").read_text())
    assert (folder / "leak.md").read_text() == module_at(root / "benchmarks" / "leak.py").page(found)


def test_facts_of_the_run_are_required(gathered: Material) -> None:
    with pytest.raises(ValueError, match="hardware"):
        results_json(gathered, "phantom", {"command": "x", "commit": "y", "wall_seconds": 1, "test_uses": 1})

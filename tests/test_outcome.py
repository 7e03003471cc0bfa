"""What a run says last is read from its verified outputs."""

from pathlib import Path
from types import ModuleType

import pytest

from synthgain import artifact, outcome
from synthgain.artifact import ArtifactError
from synthgain.paths import Paths
from synthgain.stages import report


@pytest.fixture
def finished(toy: ModuleType, tmp_path: Path) -> Paths:
    paths: Paths = toy.build(tmp_path)
    report.run(toy.config(), paths)
    return paths


def test_it_is_the_table_the_verdict_and_where_to_look(toy: ModuleType, finished: Paths) -> None:
    said = outcome.summary(finished, toy.config(), "#/experiments/1/runs/abc")
    assert said.index("balanced accuracy, %") < said.index("Verdict: gain: ") < said.index("Report:  ")
    assert "Test split predicted 0 time" in said
    assert "#/experiments/1/runs/abc" in said
    assert str(outcome.report(finished)) in said


def test_a_leak_that_was_allowed_is_said_before_the_verdict(toy: ModuleType, tmp_path: Path) -> None:
    paths: Paths = toy.build(tmp_path)
    assert outcome_of(toy, paths) is None
    known = artifact.read(paths.out("validate")).json("report.json")
    toy._write(paths.out("validate"), "validate", {"report.json": known | {"leaks": "5 of 9 test images"}})
    assert outcome_of(toy, paths) == "WARNING: these numbers mean nothing: the split leaks: 5 of 9 test images"
    said = outcome.summary(paths, toy.config(), "#")
    assert said.index("WARNING: ") < said.index("Verdict: ")


def outcome_of(toy: ModuleType, paths: Paths) -> str | None:
    """What is said of the data, once the report has been made."""
    report.run(toy.config(), paths)
    return outcome.untrusted(paths)


def test_a_row_per_contrast_is_in_points_and_has_the_corrected_p_of_the_secondary_ones(finished: Paths) -> None:
    gains, rows = outcome.gains(finished), outcome.rows(finished)
    assert [row["candidate"] for row in rows] == [gains["headline"]["candidate"]] + [
        each["candidate"] for each in gains["secondary"]
    ]
    assert rows[0]["difference"] == pytest.approx(100 * gains["headline"]["difference"], abs=0.005)
    assert rows[0]["p"] == gains["headline"]["p"]
    assert rows[1]["p"] == gains["secondary"][0]["p_holm"]


def test_a_changed_configuration_and_an_output_made_again_are_told(toy: ModuleType, finished: Paths) -> None:
    cfg = toy.config()
    assert outcome.outdated(finished, cfg) is None
    assert outcome.outdated(finished, cfg.model_copy(update={"seeds": 3})) == (
        "params.yaml has changed since the report was made"
    )
    toy._write(finished.out("confirm"), "confirm", {"models/config.json": {"changed": True}})
    assert str(outcome.outdated(finished, cfg)).startswith("made again since the report was: confirm")


def test_an_altered_output_is_no_outcome(finished: Paths) -> None:
    gains = finished.out("evaluate") / "gains.json"
    gains.write_text(gains.read_text().replace("gain", "loss"))
    with pytest.raises(ArtifactError, match=r"gains.json"):
        outcome.verdict(finished)

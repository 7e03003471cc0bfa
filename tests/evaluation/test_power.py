"""How large a study must be follows from the rule that will judge it."""

import re
from pathlib import Path

import pytest

from synthgain import artifact, cli
from synthgain.errors import SynthgainError
from synthgain.evaluation import power
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components

STUDY = Components(groups=4e-5, seeds=5e-4, n_groups=256, n_seeds=8, fitted=4)


def gains(**changes: object) -> dict:
    headline = {"candidate": "synthetic-edm-r1", "baseline": "classic", "components": vars(STUDY)}
    return {"headline": headline | changes}


def test_without_noise_of_seeds_it_is_the_textbook_number() -> None:
    pilot = power.from_numbers(discordant=0.06, images=1, icc=0, seed_sd=0, classes=2)
    textbook = (1.96 + 0.84) ** 2 * 0.06 / 0.02**2
    assert power.patients_needed(pilot, 0.02, 8, 0.95) == pytest.approx(textbook, rel=0.03)


def test_the_number_needed_is_where_the_detectable_gain_reaches_it() -> None:
    pilot = power.from_gains(gains())
    needed = power.patients_needed(pilot, 0.025, 12, 0.95)
    assert isinstance(needed, int)
    assert minimum_detectable_gain(pilot.components(needed, 12), 0.95) <= 0.025
    assert minimum_detectable_gain(pilot.components(needed - 1, 12), 0.95) > 0.025


def test_a_study_of_the_same_size_has_the_minimum_detectable_gain_it_printed() -> None:
    assert power.from_gains(gains()).components(256, 8) == STUDY


def test_images_that_agree_within_a_patient_count_for_less() -> None:
    alone, alike, same = (power.from_numbers(0.1, 8, icc, 0.01, 4).per_patient for icc in (0, 0.5, 1))
    assert alone == pytest.approx(0.1 / 8)
    assert alone < alike < same == pytest.approx(0.1)


def test_what_no_number_of_patients_reaches_is_said() -> None:
    unsteady = power.from_numbers(0.1, 1, 0, 0.05, 4)
    found = power.patients_needed(unsteady, 0.02, 8, 0.95)
    assert isinstance(found, NotEstimable)
    assert re.fullmatch(r"8 seeds detect no less than \d\.\d points, however many the patients", found.why)
    few = power.patients_needed(unsteady, 0.02, 5, 0.95)
    assert isinstance(few, NotEstimable)
    assert "6 seeds can" in few.why


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"discordant": 1.2}, r"--discordant 1.2: it must be between 0 and 1"),
        ({"discordant": float("nan")}, r"--discordant nan"),
        ({"icc": -0.1}, r"--icc -0.1"),
        ({"images": 0}, r"--images-per-patient 0: it must be at least 1"),
        ({"seed_sd": -1}, r"--seed-sd -1"),
        ({"classes": 1}, r"--classes 1"),
    ],
)
def test_impossible_numbers_are_refused_by_name(changes: dict, message: str) -> None:
    with pytest.raises(SynthgainError, match=message):
        power.from_numbers(**({"discordant": 0.1, "images": 1, "icc": 0, "seed_sd": 0.01, "classes": 2} | changes))


def test_a_study_without_variance_sends_to_the_numbers() -> None:
    with pytest.raises(SynthgainError, match="no test image of class x; give --discordant"):
        power.from_gains(gains(components=None, why="no test image of class x"))
    with pytest.raises(SynthgainError, match="one seed"):
        power.from_gains(gains(components=vars(STUDY) | {"n_seeds": 1}))


def test_the_command_prints_the_table_from_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(
        [
            "power",
            "--discordant",
            "0.06",
            "--icc",
            "0",
            "--seed-sd",
            "0",
            "--patients",
            "200",
            "800",
            "--seeds",
            "5",
            "8",
        ]
    )
    said = capsys.readouterr().out
    assert re.search(r"patients\s+5 seeds\s+8 seeds", said)
    assert re.search(r"200\s+none\s+4\.9", said)
    assert re.search(r"for 2 points\s+out of reach\s+1,1\d\d", said)


def test_the_command_asks_the_finished_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["power"])
    assert "evaluate" in capsys.readouterr().err
    with artifact.writing(tmp_path / "data" / "evaluate", stage="evaluate", config={}, inputs={}) as draft:
        (draft.path / "gains.json").write_bytes(artifact.canonical(gains()))
    cli.main(["power", "--patients", "256", "--seeds", "8"])
    said = capsys.readouterr().out
    assert "synthetic-edm-r1 against classic in the finished study here (256 test patients or groups, 8 seeds)" in said
    assert f"{100 * minimum_detectable_gain(STUDY, 0.95):.1f}" in said


@pytest.mark.parametrize("words", [["--gain", "0"], ["--level", "1.5"], ["--patients", "0"], ["--seeds", "0"]])
def test_impossible_questions_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["power", "--discordant", "0.1", *words])
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err

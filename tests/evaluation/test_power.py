"""How large a study must be follows from the rule that will judge it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from synthgain import artifact, cli
from synthgain.errors import SynthgainError
from synthgain.evaluation import power
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable
from synthgain.evaluation.statistics import Components

STUDY = Components(groups=4e-5, seeds=5e-4, n_groups=256, n_seeds=8, fitted=4, total=6e-5)


def gains(components: Components | None = STUDY, **changes: object) -> dict:
    known = None if components is None else vars(components)
    headline = {"candidate": "synthetic-edm-r1", "baseline": "classic", "components": known}
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


def test_a_study_of_the_same_size_is_planned_by_all_that_other_patients_change() -> None:
    planned = power.from_gains(gains()).components(256, 8)
    assert planned == replace(STUDY, groups=STUDY.total)
    assert minimum_detectable_gain(planned, 0.95) > minimum_detectable_gain(STUDY, 0.95)


def test_patients_whose_own_variance_came_out_as_none_still_count() -> None:
    """As in 25 patients of cardiac MR: the table must not be flat, nor a handful of patients enough."""
    few = Components(groups=0.0, seeds=19e-4, n_groups=25, n_seeds=8, fitted=5, total=2e-4)
    pilot = power.from_gains(gains(few))
    found = [minimum_detectable_gain(pilot.components(patients, 8), 0.95) for patients in (25, 50, 400)]
    assert found[0] > 1.1 * found[1] > 1.2 * found[2]
    needed = power.patients_needed(pilot, 0.055, 8, 0.95)
    assert isinstance(needed, int)
    assert needed > 25


def test_never_fewer_patients_than_a_verdict_needs() -> None:
    pilot = replace(power.from_numbers(0.06, 1, 0, 0.01, 4), most=1.0)
    assert power.patients_needed(pilot, 0.2, 8, 0.95) == power.LEAST_PATIENTS == 20
    more_classes = power.patients_needed(replace(pilot, fitted=30), 0.9, 8, 0.95)
    assert isinstance(more_classes, int)
    assert more_classes > 30, "more than there are means"
    with pytest.raises(SynthgainError, match=r"--patients 19: it must be at least 20"):
        power.table(pilot, 0.2, 0.95, patients=[19])


def test_patients_that_only_folds_make_a_claim_of_are_said_to_be() -> None:
    said = "fewer than 50 patients carry a claim with dataset.split.folds=5 only"
    pilot = replace(power.from_numbers(0.06, 1, 0, 0.01, 4), most=1.0)
    assert said in power.table(pilot, 0.2, 0.95, patients=[50], seeds=[8])
    assert said in power.table(pilot, 0.02, 0.95, patients=[40], seeds=[8])
    assert said not in power.table(pilot, 0.02, 0.95, patients=[50], seeds=[8])


def test_images_that_agree_within_a_patient_count_for_less() -> None:
    alone, alike, same = (power.from_numbers(0.1, 8, icc, 0.01, 4).per_patient for icc in (0, 0.5, 1))
    assert alone == pytest.approx(0.1 / 8)
    assert alone < alike < same == pytest.approx(0.1)


def test_a_gain_beyond_the_images_that_differ_cannot_be_planned() -> None:
    pilot = power.from_numbers(0.06, 1, 0, 0.01, 4)
    assert isinstance(power.patients_needed(pilot, 0.06, 8, 0.95), int)
    said = power.table(pilot, 0.2, 0.95, patients=[50], seeds=[8])
    assert re.search(r"for 20 points\s+out of reach", said)
    assert "a gain of 20 points needs as many discordant images in a hundred; 6 are" in said


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
        ({"discordant": 1.2}, r"--discordant 1.2: it must be between 0.0001 and 1"),
        ({"discordant": 0}, r"--discordant 0: it must be between"),
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
        power.from_gains(gains(replace(STUDY, n_seeds=1)))
    with pytest.raises(SynthgainError, match="not estimable: in the finished study other patients would have given"):
        power.from_gains(gains(replace(STUDY, groups=0.0, total=0.0)))
    with pytest.raises(SynthgainError, match="run 'synthgain run' again"):
        power.from_gains(gains(replace(STUDY, total=None)))


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
    assert re.search(r"200\s+not estimable\s+4\.9", said)
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
    planned = minimum_detectable_gain(replace(STUDY, groups=STUDY.total), 0.95)
    assert re.search(rf"256\s+{100 * planned:.1f}\n", said)


@pytest.mark.parametrize("words", [["--gain", "0"], ["--level", "1.5"], ["--patients", "0"], ["--seeds", "0"]])
def test_impossible_questions_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["power", "--discordant", "0.1", *words])
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err

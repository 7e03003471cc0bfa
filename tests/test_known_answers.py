"""Trained at small size where the answer is known: more true images are a gain, copies, noise and luck are none."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthgain import artifact, known_answers
from synthgain.arms import trial
from synthgain.arms.arm import parse
from synthgain.config import Config
from synthgain.evaluation import gain
from synthgain.evaluation.predictions import from_table
from synthgain.paths import Paths
from synthgain.seeding import derive


@pytest.fixture(scope="module")
def study(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Paths]:
    """From drawing the images to the verdict, with as few seeds as a claim can have."""
    return known_answers.study(root, tmp_path_factory.mktemp("known"), "seeds=6", "evaluation.replicates=2000")


@pytest.fixture(scope="module")
def words(study: tuple[Config, Paths]) -> dict[str, str]:
    """The verdict on each arm against the strongest baseline."""
    gains = artifact.read(study[1].out("evaluate")).json("gains.json")
    return {contrast["candidate"]: contrast["word"] for contrast in (gains["headline"], *gains["secondary"])}


def test_fresh_true_images_are_a_gain(words: dict[str, str]) -> None:
    assert words["oracle"] == "gain"


@pytest.mark.parametrize("arm", ["duplicate", "noise", "classic", known_answers.SHUFFLED])
def test_copies_noise_and_shuffled_labels_are_never_called_a_gain(words: dict[str, str], arm: str) -> None:
    assert words.get(arm) != "gain"


def test_the_same_arm_with_other_seeds_is_no_gain(study: tuple[Config, Paths]) -> None:
    cfg, paths = study
    arm = parse("classic")
    again = [trial.Trial(arm, index, derive(cfg.seed, "again", index), ("val", "test")) for index in range(cfg.seeds)]
    bench = trial.bench(paths, cfg, [arm])
    repeated = trial.collect(again, trial.run_all(bench, again, "again"), trial.PREDICTIONS).assign(arm="classic-again")
    confirmed = artifact.read(paths.out("confirm"))
    first = pd.read_parquet(confirmed.file("predictions.parquet"))
    table = pd.concat([first[first["arm"] == "classic"], repeated.assign(generator_seed=0, fraction=1.0)])
    classes = confirmed.json("models/config.json")["classes"]
    headline: dict[str, Any] = {"metric": "balanced_accuracy", "margin": 0.02, "level": 0.95}
    for pair in (("classic-again", "classic"), ("classic", "classic-again")):
        claim = headline | dict(zip(("candidate", "baseline"), pair, strict=True))
        found = gain.evaluate(from_table(table, classes), claim, cfg.evaluation, 0)
        assert found["headline"]["word"] != "gain"


def test_the_audit_flags_the_copies_and_only_them(study: tuple[Config, Paths]) -> None:
    cfg, paths = study
    found = {name: artifact.read(paths.out("audit", name)).json("privacy.json") for name in cfg.generators}
    assert found["copies"]["flagged"]
    assert found["copies"]["duplicates"]["share"] == 1.0
    assert not found["noise"]["flagged"]
    assert not found["oracle"]["flagged"]

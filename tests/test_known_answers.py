"""Trained at small size where the answer is known: more true images are a gain, copies, noise and luck are none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, known_answers
from synthgain.arms import trial
from synthgain.arms.arm import parse
from synthgain.calibration.pool import truth
from synthgain.compose import compose
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.evaluation import gain
from synthgain.evaluation.predictions import Predictions, from_table
from synthgain.paths import Paths
from synthgain.seeding import derive, rng


@pytest.fixture(scope="module")
def study(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Paths]:
    """From drawing the images to the verdict, with as few seeds as a claim can have."""
    quick = ("seeds=6", "evaluation.replicates=2000", "privacy.detector_steps=1")
    return known_answers.study(root, tmp_path_factory.mktemp("known"), *quick)


@pytest.fixture(scope="module")
def words(study: tuple[Config, Paths]) -> dict[str, str]:
    """The verdict on each arm against `classic`."""
    return {row["arm"]: row["word"] for row in known_answers.rows(*study)}


def test_fresh_true_images_are_a_gain(words: dict[str, str], study: tuple[Config, Paths]) -> None:
    assert words["oracle"] == "gain"
    declared = artifact.read(study[1].out("evaluate")).json("gains.json")["headline"]
    assert (declared["candidate"], declared["word"]) == ("oracle", "gain")


@pytest.mark.parametrize("arm", ["duplicate", "noise", known_answers.SHUFFLED])
def test_copies_noise_and_shuffled_labels_are_never_called_a_gain(words: dict[str, str], arm: str) -> None:
    assert words[arm] in ("loss", "no difference", "inconclusive")


def confirmed(folder: Path, root: Path, arms: Sequence[str]) -> tuple[Config, Paths, Predictions]:
    """A workspace with nothing but the predictions of a confirmation, in which the last arm is the strongest."""
    paths, cfg = Paths(folder), compose(Paths(root), ["evaluation.replicates=200"])
    labels, random = np.repeat(np.arange(2), 30), rng(0)
    tables = []
    for place, arm in enumerate(arms):
        right = random.random((6, 60)) < 0.6 + 0.05 * place
        chances = np.where(right == (labels == 0), 0.9, 0.1)
        tables += [
            pd.DataFrame({
                "arm": arm, "seed": seed, "split": "test", "image_id": [f"i{n:02d}" for n in range(60)],
                "group": [f"g{n:02d}" for n in range(60)], "label": np.array(["a", "b"])[labels], "p0": first,
                "p1": 1 - first,
            })
            for seed, first in enumerate(chances)
        ]  # fmt: skip
    table = pd.concat(tables)
    with artifact.writing(paths.out("confirm"), stage="confirm", config={}, inputs={}) as draft:
        (draft.path / "models").mkdir()
        (draft.path / "models" / "config.json").write_bytes(artifact.canonical({"classes": ["a", "b"]}))
        table.to_parquet(draft.path / "predictions.parquet", index=False)
    return cfg, paths, from_table(table, ["a", "b"])


def test_every_arm_with_a_known_answer_is_compared_with_classic_even_if_another_was_stronger(
    tmp_path: Path, root: Path
) -> None:
    arms = ["classic", "oracle", known_answers.SHUFFLED, "noise", "duplicate"]
    cfg, paths, predictions = confirmed(tmp_path, root, arms)
    score = dict(zip(arms, (predictions.probabilities.argmax(-1) == predictions.labels).mean((1, 2)), strict=True))
    rows = known_answers.rows(cfg, paths)
    assert [(row["arm"], row["expected"]) for row in rows] == list(known_answers.EXPECTED.items())
    assert [row["difference"] for row in rows] == pytest.approx([score[row["arm"]] - score["classic"] for row in rows])


def test_an_arm_with_a_known_answer_that_was_not_confirmed_is_an_error(tmp_path: Path, root: Path) -> None:
    cfg, paths, _ = confirmed(tmp_path, root, ["classic", "oracle", known_answers.SHUFFLED, "noise"])
    with pytest.raises(SynthgainError, match=r"arm 'duplicate' was not confirmed.*\(there are: classic, oracle"):
        known_answers.rows(cfg, paths)


def test_the_pool_holds_trainings_of_both_arms_with_seeds_of_their_own(study: tuple[Config, Paths]) -> None:
    cfg, paths = study
    pool = known_answers.pool(cfg, paths, trainings=2)
    assert pool.arms == ("oracle", "classic")
    assert pool.probabilities.shape == (2, 2, len(pool.labels), 4)
    table = pd.read_parquet(artifact.read(paths.out("confirm")).file("predictions.parquet"))
    confirmed = from_table(table, pool.classes)
    assert np.array_equal(pool.image_ids, confirmed.image_ids)
    assert (
        not (pool.probabilities[1][:, None] == confirmed.probabilities[confirmed.arms.index("classic")])
        .all((2, 3))
        .any()
    )
    assert not np.array_equal(pool.probabilities[1, 0], pool.probabilities[1, 1])
    assert truth(pool) > 0


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

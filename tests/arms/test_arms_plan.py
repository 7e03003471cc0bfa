"""From screening scores to the declared plan."""

from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from synthgain.arms import tuning
from synthgain.arms.plan import best_settings, choose, declared_arms, scores
from synthgain.errors import SynthgainError
from synthgain.schema import Tuning

BOARD = {
    "real": 0.60, "classic": 0.70, "oversample": 0.69, "duplicate-r0.5": 0.75, "duplicate-r1": 0.68,
    "synthetic-dcgan-r0.5": 0.66, "synthetic-dcgan-r1": 0.65, "synthetic-edm-r0.5": 0.71, "synthetic-edm-r1": 0.72,
}  # fmt: skip

SETTINGS = [setting.described() for setting in tuning.settings(Tuning(trials=3), seed=0)]


def table(board: dict[str, float], log_loss: dict[str, float] | None = None) -> pd.DataFrame:
    """Scores of two seeds around the means of ``board``."""
    rows = [
        {
            "arm": arm, "setting": 0, "seed": seed, "balanced_accuracy": mean + (seed - 0.5) / 64,
            "macro_auroc": 1 - mean,
            "log_loss": (log_loss or {}).get(arm, 1.0),
        }
        for arm, mean in board.items() for seed in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def plan(toy: ModuleType, board: dict[str, float] = BOARD, log_loss: Any = None, **changes: Any) -> dict[str, Any]:
    return choose(table(board, log_loss), toy.experiment(**changes), SETTINGS)


def test_the_best_synthetic_arm_meets_the_strongest_other_arm(toy: ModuleType) -> None:
    assert plan(toy)["headline"] == {
        "candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "margin": 0.02,
        "level": 0.95,
    }  # fmt: skip


def test_copies_count_at_the_ratio_of_the_candidate_only(toy: ModuleType) -> None:
    found = plan(toy, BOARD | {"synthetic-edm-r0.5": 0.73})
    assert found["ratio"] == 0.5
    assert found["headline"]["baseline"] == "duplicate"


def test_the_claims_metric_decides(toy: ModuleType) -> None:
    headline = plan(toy, claim={"metric": "macro_auroc", "margin": 0.01})["headline"]
    assert (headline["candidate"], headline["baseline"]) == ("synthetic-dcgan-r1", "real")
    assert headline["margin"] == 0.01


def test_ties_go_to_the_lower_log_loss_and_then_to_the_name(toy: ModuleType) -> None:
    tied = BOARD | {"synthetic-edm-r0.5": 0.72}
    assert plan(toy, tied)["headline"]["candidate"] == "synthetic-edm-r0.5"
    assert plan(toy, tied, {"synthetic-edm-r1": 0.9})["headline"]["candidate"] == "synthetic-edm-r1"


def test_the_order_of_rows_does_not_matter(toy: ModuleType) -> None:
    shuffled = table(BOARD).sample(frac=1, random_state=0)
    assert choose(shuffled, toy.experiment(), SETTINGS) == plan(toy)


def test_confirmed_are_the_headline_what_is_always_wanted_and_the_best_of_other_generators(toy: ModuleType) -> None:
    found = plan(toy)
    assert found["confirm"] == [
        "synthetic-edm-r1", "classic", "oversample", "duplicate", "oracle", "synthetic-dcgan-r0.5"
    ]  # fmt: skip
    assert len(found["why"]) == 6
    assert "best of 4 synthetic arms" in found["why"][0]
    assert "best of 4 non-synthetic arms" in found["why"][1]


def test_the_headline_is_confirmed_however_few_arms_may_be(toy: ModuleType) -> None:
    found = plan(toy, BOARD | {"real": 0.9}, arms={"most": 3, "ratios": [0.5, 1.0]})
    assert found["confirm"] == ["synthetic-edm-r1", "real", "classic"]
    assert "oracle: left out, at most 3 arms are confirmed (arms.most)" in found["why"]


def test_arms_without_their_generator_are_left_out_and_said(toy: ModuleType) -> None:
    board = {arm: mean for arm, mean in BOARD.items() if "edm" in arm or arm in ("real", "classic", "oversample")}
    found = plan(toy, board, generators={"edm": {"kind": "edm"}})
    assert found["confirm"] == ["synthetic-edm-r1", "classic", "oversample"]
    assert "oracle: not confirmed, its generator is not in this experiment" in found["why"]
    assert "duplicate: not screened, generator 'copies' is not in this experiment" in found["why"]


def test_a_control_that_was_asked_for_is_confirmed_before_other_generators(toy: ModuleType) -> None:
    kinds = {name: {"kind": name} for name in ("edm", "dcgan", "copies", "oracle", "noise")}
    found = plan(toy, generators=kinds)
    assert found["confirm"][-2:] == ["oracle", "noise"]
    assert "synthetic-dcgan-r0.5: left out, at most 6 arms are confirmed (arms.most)" in found["why"]


def test_controls_are_confirmed_at_the_ratio_of_the_candidate(toy: ModuleType) -> None:
    arms = {arm.name: arm for arm in declared_arms(plan(toy, BOARD | {"synthetic-edm-r0.5": 0.73}))}
    assert (arms["oracle"].ratio, arms["duplicate"].ratio, arms["synthetic-dcgan-r0.5"].ratio) == (0.5, 0.5, 0.5)
    assert arms["classic"].generator is None


@pytest.mark.parametrize("control, name", [("oracle", "oracle"), ("noise", "noise"), ("copies", "duplicate")])
def test_a_control_alone_is_the_candidate(toy: ModuleType, control: str, name: str) -> None:
    board = {"real": 0.6, "classic": 0.7, "oversample": 0.69, f"{name}-r0.5": 0.8, f"{name}-r1": 0.9}
    found = plan(toy, board, generators={control: {"kind": control}})
    assert found["headline"]["candidate"] == name
    assert found["headline"]["baseline"] == "classic"
    assert found["ratio"] == 1.0
    assert found["confirm"] == [name, "classic", "oversample"]


def test_a_plan_that_was_changed_after_it_was_declared_is_refused(toy: ModuleType) -> None:
    found = plan(toy)
    found["headline"]["margin"] = 0.001
    with pytest.raises(SynthgainError, match="changed after it was declared"):
        declared_arms(found)


def test_scores_are_those_of_each_arm_and_seed() -> None:
    rows = [("classic", seed, label) for seed in range(2) for label in ("a", "b")]
    predictions = pd.DataFrame(rows, columns=["arm", "seed", "label"]).assign(setting=0, p0=[0.9, 0.8, 0.9, 0.2])
    predictions["p1"] = 1 - predictions["p0"]
    found = scores(predictions, ("a", "b"))
    assert list(found) == ["arm", "setting", "seed", "balanced_accuracy", "macro_auroc", "log_loss"]
    assert found["balanced_accuracy"].tolist() == [0.5, 1.0]
    assert found["macro_auroc"].tolist() == [1.0, 1.0]


def test_every_arm_is_confirmed_with_the_setting_at_which_it_was_best(toy: ModuleType) -> None:
    settings = {"synthetic-edm-r1": 2, "classic": 1}
    parts = [table({arm: mean + (settings.get(arm, 0) == number) for arm, mean in BOARD.items()}).assign(setting=number)
             for number in range(3)]  # fmt: skip
    best = best_settings(pd.concat(parts), "balanced_accuracy")
    assert dict(best.groupby("arm")["setting"].first()) == {arm: settings.get(arm, 0) for arm in BOARD}
    assert len(best) == 2 * len(BOARD)
    found = choose(best, toy.experiment(), SETTINGS)["settings"]
    assert found["synthetic-edm-r1"] == found["oracle"] == SETTINGS[2], "controls take the candidate's"
    assert found["classic"] == SETTINGS[1]
    assert found["duplicate"] == found["synthetic-dcgan-r0.5"] == SETTINGS[0]


def test_ties_between_settings_go_to_the_lower_log_loss_and_then_to_the_classifiers_own() -> None:
    tied = pd.concat([table({"classic": 0.7}, {"classic": loss}).assign(setting=k) for k, loss in enumerate((1, 0.9))])
    assert set(best_settings(tied, "balanced_accuracy")["setting"]) == {1}
    tied["log_loss"] = 1.0
    assert set(best_settings(tied, "balanced_accuracy")["setting"]) == {0}


def test_pretraining_can_be_the_candidate_and_synthetic_images_alone_cannot(toy: ModuleType) -> None:
    found = plan(toy, BOARD | {"pretrain-edm": 0.9, "synthetic-only-dcgan": 0.95})
    assert found["headline"]["candidate"] == "pretrain-edm"
    assert found["ratio"] == 1.0
    assert not any(name.startswith("synthetic-only") for name in found["confirm"])


def test_shuffled_labels_are_those_of_the_candidate(toy: ModuleType) -> None:
    always = {"always": ["shuffled"], "ratios": [0.5, 1.0]}
    found = plan(toy, arms=always)
    assert "shuffled-edm-r1" in found["confirm"]
    arms = {arm.name: arm for arm in declared_arms(found)}
    assert arms["shuffled-edm-r1"].shuffled
    assert arms["shuffled-edm-r1"].filtered
    pretrained = plan(toy, BOARD | {"pretrain-edm": 0.9}, arms=always)
    assert any("shuffled: not confirmed" in why for why in pretrained["why"])

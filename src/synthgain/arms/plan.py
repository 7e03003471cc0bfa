"""From screening scores to the declared plan: which contrast is the claim, which arms are confirmed, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthgain.arms.arm import SHUFFLED, Arm, controls, is_control, parse
from synthgain.artifact import digest
from synthgain.classifiers.scores import balanced_accuracy, log_loss, macro_auroc
from synthgain.config import Config
from synthgain.dataset import label_indices
from synthgain.errors import SynthgainError

SCORES = {"balanced_accuracy": balanced_accuracy, "macro_auroc": macro_auroc, "log_loss": log_loss}


def scores(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """A row per arm, setting and seed of ``predictions``, in their order, with the columns of `SCORES`."""
    probabilities = [f"p{k}" for k in range(len(classes))]
    rows = []
    for (arm, setting, seed), table in predictions.groupby(["arm", "setting", "seed"], sort=False):
        predicted, labels = table[probabilities].to_numpy(), label_indices(table["label"], classes)
        about = {"arm": arm, "setting": setting, "seed": seed}
        rows.append(about | {name: score(predicted, labels) for name, score in SCORES.items()})
    return pd.DataFrame(rows)


def best_settings(tuned: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Of the scores of all settings, those of each arm's best one: by ``metric``, then log loss, then its number."""
    means = tuned.groupby(["arm", "setting"], sort=False)[[metric, "log_loss"]].mean().reset_index()
    ranked = means.sort_values([metric, "log_loss", "setting"], ascending=[False, True, True], kind="stable")
    best = ranked.drop_duplicates("arm").set_index("arm")["setting"]
    return tuned[tuned["setting"] == tuned["arm"].map(best)].reset_index(drop=True)


def choose(
    scores: pd.DataFrame, cfg: Config, settings: Sequence[Mapping[str, float]], not_screened: Sequence[str] = ()
) -> dict[str, Any]:
    """The plan that the screening ``scores`` (arm, setting, seed, balanced_accuracy, macro_auroc, log_loss) lead to.

    The candidate is the best synthetic arm, the baseline the best non-synthetic one, `duplicate` at the candidate's
    ratio. Both are confirmed, then ``arms.always`` and the other controls of the experiment, then the best arm of every
    other generator, ``arms.most`` at most.
    An arm is confirmed with the setting at which it was best; controls that were not screened with the candidate's.
    ``settings`` are those that were tried, by number; ``not_screened`` says why some arms could not be trained.

    Returns
    -------
    ``plan.json``: headline (candidate, baseline, metric, margin, level), ratio of the controls, confirm, settings,
    learning_curve (arm, setting), subgroup_margin, why, and ``declared``, the digest of all that.
    """
    board = _Board.of(scores, cfg)
    candidate = board.best(board.candidates())
    baselines = board.baselines(candidate)
    baseline = board.best(baselines)
    chosen = {_confirmed(candidate): board.explain(candidate, "candidate", board.candidates(), "synthetic")}
    chosen[_confirmed(baseline)] = board.explain(baseline, "baseline", baselines, "non-synthetic")
    left_out = []
    always = [board.shuffled(candidate) if each == SHUFFLED else each for each in cfg.arms.always]
    for name in [*always, *controls(cfg)]:
        if name is None:
            left_out.append(f"{SHUFFLED}: not confirmed, the candidate has no ratio of synthetic to real images")
        elif parse(name).at(candidate.ratio).available(cfg):
            at = f" at the candidate's ratio {candidate.ratio:g}" if parse(name).control else ""
            chosen.setdefault(name, f"{name}: always confirmed{at}")
        else:
            left_out.append(f"{name}: not confirmed, its generator is not in this experiment")
    for arm in board.best_of_other_generators(candidate):
        chosen.setdefault(arm.name, f"{arm.name}: the best arm of {arm.generator} ({board.score(arm)})")
    dropped = list(chosen)[cfg.arms.most :]
    left_out += [f"{name}: left out, at most {cfg.arms.most} arms are confirmed (arms.most)" for name in dropped]
    confirm = list(chosen)[: cfg.arms.most]
    plan = {
        "headline": {
            "candidate": _confirmed(candidate), "baseline": _confirmed(baseline), "metric": cfg.claim.metric,
            "margin": cfg.claim.margin, "level": cfg.claim.level,
        },
        "ratio": candidate.ratio,
        "confirm": confirm,
        "learning_curve": {
            "arm": _confirmed(baseline), "setting": dict(settings[board.best_setting[baseline.name]]),
        },
        "subgroup_margin": cfg.fairness.margin,
        "settings": {name: dict(settings[board.setting(name, candidate)]) for name in confirm},
        "why": [*(chosen[name] for name in confirm), *board.absent(), *not_screened, *left_out],
    }  # fmt: skip
    return plan | {"declared": digest(plan)}


def declared_arms(plan: dict[str, Any]) -> list[Arm]:
    """The arms that ``plan`` wants confirmed; raises `SynthgainError` if it was changed after it was declared."""
    if plan["declared"] != digest({key: value for key, value in plan.items() if key != "declared"}):
        raise SynthgainError("plan.json was changed after it was declared; delete data/screen and run again")
    return [parse(name).at(plan["ratio"]) for name in plan["confirm"]]


@dataclass(frozen=True)
class _Board:
    """Arms with their mean scores over the screening seeds, best first."""

    cfg: Config
    means: pd.DataFrame
    arms: list[Arm]
    seeds: int
    best_setting: Mapping[str, int]

    @classmethod
    def of(cls, scores: pd.DataFrame, cfg: Config) -> "_Board":
        means = scores.groupby("arm")[list(SCORES)].mean()
        keys = zip(-means[cfg.claim.metric], means["log_loss"], means.index, strict=True)
        best = {str(arm): int(number) for arm, number in scores.groupby("arm")["setting"].first().items()}
        return cls(cfg, means, [parse(name) for _, _, name in sorted(keys)], scores["seed"].nunique(), best)

    def best(self, arms: Sequence[Arm]) -> Arm:
        return next(arm for arm in self.arms if arm in arms)

    def candidates(self) -> list[Arm]:
        """Arms of trained generators; without any, those of controls that draw new images; without those, copies."""
        with_generator = [arm for arm in self.arms if arm.generator and not arm.descriptive]
        trained = [arm for arm in with_generator if not is_control(self.cfg.generators[str(arm.generator)])]
        return trained or [arm for arm in with_generator if arm.control != "duplicate"] or with_generator

    def baselines(self, candidate: Arm) -> list[Arm]:
        """Non-synthetic arms, and copies at the ratio of the candidate."""
        copies = [arm for arm in self.arms if arm.control == "duplicate" and arm.ratio == candidate.ratio]
        return [arm for arm in self.arms if not arm.generator] + [arm for arm in copies if arm != candidate]

    def best_of_other_generators(self, candidate: Arm) -> list[Arm]:
        """One arm for each generator with other weights than the candidate's."""
        best = {self.cfg.generators[str(candidate.generator)].weights: candidate}
        for arm in self.arms:
            if arm.generator and not (arm.control or arm.descriptive):
                best.setdefault(self.cfg.generators[arm.generator].weights, arm)
        return list(best.values())[1:]

    def shuffled(self, candidate: Arm) -> str | None:
        """The name of the control that has the candidate's images under shuffled labels."""
        kind = "synthetic-"
        return SHUFFLED + candidate.name[len(kind) - 1 :] if candidate.name.startswith(kind) else None

    def setting(self, name: str, candidate: Arm) -> int:
        """The number of the setting at which the arm that is confirmed as ``name`` was best on validation."""
        screened = {name, f"{name}-r{candidate.ratio:g}"} & set(self.best_setting)
        return self.best_setting[screened.pop() if screened else candidate.name]

    def absent(self) -> list[str]:
        """Why a baseline that was asked for is not on the board."""
        if "duplicate" in self.cfg.arms.baselines and not any(arm.control == "duplicate" for arm in self.arms):
            return ["duplicate: not screened, generator 'copies' is not in this experiment"]
        return []

    def score(self, arm: Arm) -> str:
        metric = self.cfg.claim.metric
        mean = dict(self.means[metric])[arm.name]
        return f"validation {metric.replace('_', ' ')} {mean:.3f}, mean of {self.seeds} seeds"

    def explain(self, arm: Arm, role: str, among: Sequence[Arm], kind: str) -> str:
        return f"{arm.name}: the {role}, best of {len(among)} {kind} arms ({self.score(arm)})"


def _confirmed(arm: Arm) -> str:
    """Controls lose the ratio in their name: the plan says it once for all of them."""
    return arm.control or arm.name

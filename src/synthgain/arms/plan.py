"""From screening scores to the declared plan: which contrast is the claim, which arms are confirmed, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthgain.arms.arm import Arm, is_control, parse
from synthgain.artifact import digest
from synthgain.classifiers.scores import balanced_accuracy, log_loss, macro_auroc
from synthgain.config import Config
from synthgain.dataset import label_indices
from synthgain.errors import SynthgainError

SCORES = {"balanced_accuracy": balanced_accuracy, "macro_auroc": macro_auroc, "log_loss": log_loss}


def scores(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """A row per arm and seed of ``predictions``, in their order, with the columns of `SCORES`."""
    probabilities = [f"p{k}" for k in range(len(classes))]
    rows = []
    for (arm, seed), table in predictions.groupby(["arm", "seed"], sort=False):
        predicted, labels = table[probabilities].to_numpy(), label_indices(table["label"], classes)
        rows.append({"arm": arm, "seed": seed} | {name: score(predicted, labels) for name, score in SCORES.items()})
    return pd.DataFrame(rows)


def choose(scores: pd.DataFrame, cfg: Config, not_screened: Sequence[str] = ()) -> dict[str, Any]:
    """The plan that the screening ``scores`` (arm, seed, balanced_accuracy, macro_auroc, log_loss) lead to.

    The candidate is the best synthetic arm, the baseline the best non-synthetic one, `duplicate` at the candidate's
    ratio. Both are confirmed, then ``arms.always``, then the best arm of every other generator, ``arms.most`` at most.
    ``not_screened`` says why some arms could not be trained.

    Returns
    -------
    ``plan.json``: headline (candidate, baseline, metric, margin, level), ratio of the controls, confirm, why, and
    ``declared``, the digest of all that.
    """
    board = _Board.of(scores, cfg)
    candidate = board.best(board.candidates())
    baselines = board.baselines(candidate)
    baseline = board.best(baselines)
    chosen = {_confirmed(candidate): board.explain(candidate, "candidate", board.candidates(), "synthetic")}
    chosen[_confirmed(baseline)] = board.explain(baseline, "baseline", baselines, "non-synthetic")
    left_out = []
    for name in cfg.arms.always:
        if parse(name).at(candidate.ratio).available(cfg):
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

    @classmethod
    def of(cls, scores: pd.DataFrame, cfg: Config) -> "_Board":
        means = scores.groupby("arm")[list(SCORES)].mean()
        keys = zip(-means[cfg.claim.metric], means["log_loss"], means.index, strict=True)
        return cls(cfg, means, [parse(name) for _, _, name in sorted(keys)], scores["seed"].nunique())

    def best(self, arms: Sequence[Arm]) -> Arm:
        return next(arm for arm in self.arms if arm in arms)

    def candidates(self) -> list[Arm]:
        """Arms of trained generators; without any, those of controls that draw new images; without those, copies."""
        with_generator = [arm for arm in self.arms if arm.generator]
        trained = [arm for arm in with_generator if not is_control(self.cfg.generators[str(arm.generator)])]
        return trained or [arm for arm in with_generator if arm.control != "duplicate"] or with_generator

    def baselines(self, candidate: Arm) -> list[Arm]:
        """Non-synthetic arms, and copies at the ratio of the candidate."""
        copies = [arm for arm in self.arms if arm.control == "duplicate" and arm.ratio == candidate.ratio]
        return [arm for arm in self.arms if not arm.generator] + [arm for arm in copies if arm != candidate]

    def best_of_other_generators(self, candidate: Arm) -> list[Arm]:
        best: dict[str, Arm] = {}
        for arm in self.arms:
            if arm.generator and not arm.control and arm.generator != candidate.generator:
                best.setdefault(arm.generator, arm)
        return list(best.values())

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

"""Equal tuning for every arm: the same settings of the classifier are tried on validation, whatever it trains on."""

from dataclasses import asdict, dataclass

import numpy as np

from synthgain.schema import Augmentation, ClassifierConfig, Tuning
from synthgain.seeding import rng

_LIMITS = {"rotate": 180.0}
"""Largest values of `Augmentation` that are no shares."""


@dataclass(frozen=True)
class Setting:
    """Factors on the classifier's own values; all 1: these themselves."""

    learning_rate: float = 1.0
    weight_decay: float = 1.0
    augmentation: float = 1.0

    def classifier(self, cfg: ClassifierConfig) -> ClassifierConfig:
        """``cfg`` with learning rate and weight decay multiplied."""
        factors = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        values = {name: getattr(cfg.training, name) * factor for name, factor in factors.items()}
        return cfg.model_copy(update={"training": cfg.training.model_copy(update=values)})

    def augmented(self, cfg: Augmentation) -> Augmentation:
        """``cfg`` with every strength multiplied, within its limits."""
        strengths = {name: value for name, value in cfg if not isinstance(value, bool)}
        values = {n: min(value * self.augmentation, _LIMITS.get(n, 1.0)) for n, value in strengths.items()}
        return cfg.model_copy(update=values)

    def described(self) -> dict[str, float]:
        """The factors by name."""
        return asdict(self)


DEFAULT = Setting()


def settings(tuning: Tuning, seed: int) -> list[Setting]:
    """The classifier's own values, then ``tuning.trials - 1`` random ones, log-uniform over their spans."""
    draw = rng(seed, "tuning")
    spans = (tuning.learning_rate, tuning.weight_decay, tuning.augmentation)
    drawn = [
        Setting(*(float(np.exp(draw.uniform(*np.log(span))).round(3)) for span in spans))
        for _ in range(tuning.trials - 1)
    ]
    return [DEFAULT, *drawn]

"""Settings that every arm tries."""

import pytest

from synthgain.arms.tuning import DEFAULT, Setting, settings
from synthgain.classifiers.cnn import Config
from synthgain.schema import Augmentation, Tuning


def test_the_classifiers_own_values_come_first_and_the_rest_is_drawn_from_the_spans() -> None:
    drawn = settings(Tuning(trials=200), seed=0)
    assert drawn[0] == DEFAULT == Setting(1.0, 1.0, 1.0)
    rates = [each.learning_rate for each in drawn[1:]]
    assert 0.3 <= min(rates) < 0.4
    assert 2.5 < max(rates) <= 3.0
    assert sum(rate < 0.95 for rate in rates) == pytest.approx(100, abs=25), "half lie below the middle on a log scale"
    assert drawn == settings(Tuning(trials=200), seed=0)
    assert drawn != settings(Tuning(trials=200), seed=1)
    assert settings(Tuning(), seed=0) == [DEFAULT]


def test_a_setting_multiplies_and_stays_within_the_limits() -> None:
    cfg = Config.model_validate({"training": {"learning_rate": 0.01, "weight_decay": 0.1}})
    tuned = Setting(0.5, 2.0, 1.5)
    assert tuned.classifier(cfg).training.learning_rate == pytest.approx(0.005)
    assert tuned.classifier(cfg).training.weight_decay == pytest.approx(0.2)
    assert tuned.classifier(cfg).training.steps == cfg.training.steps
    strong = tuned.augmented(Augmentation(rotate=170, intensity=0.9, scale=0.1))
    assert (strong.rotate, strong.intensity, strong.flip) == (180, 1.0, True)
    assert strong.scale == pytest.approx(0.15)
    assert DEFAULT.augmented(Augmentation()) == Augmentation()

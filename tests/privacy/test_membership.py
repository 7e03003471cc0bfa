"""Members are told from others where a model has learnt them by heart, and not where it has not."""

import json

import numpy as np
import pytest
import torch
from drawn_patients import patients
from sklearn.metrics import roc_auc_score, roc_curve

from synthgain.generators import vae
from synthgain.generators.contract import Facts, Generator
from synthgain.privacy.canaries import canaries
from synthgain.privacy.membership import attack, canary_attack, generator_attack, inference, standardised
from synthgain.privacy.memorisation import ALPHA
from synthgain.sources import phantom

TRAIN, VAL = patients(0, 40), patients(1, 40, first=1000)
CLASSES = ("a", "b")


def trained(steps: int, images: np.ndarray = TRAIN.pixels, labels: np.ndarray = TRAIN.labels) -> Generator:
    """A VAE that has seen all ``images`` in each of its ``steps``."""
    torch.manual_seed(0)
    generator = vae.build(vae.Config(model=vae.Model(width=8, latent=16)), Facts(1, 32, CLASSES, phantom.Config()))
    given = torch.from_numpy(images).float() / 127.5 - 1
    optimizer = torch.optim.Adam(generator.parameters(), 5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        generator.loss(given, torch.from_numpy(labels)).backward()
        optimizer.step()
    return generator.eval().requires_grad_(False)


def scores(seed: int, members: int, others: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of patients with two images each, alike within the patient; members score higher by ``shift``."""
    random = np.random.default_rng(seed)
    groups = np.arange(members + others) // 2
    inside = np.arange(members + others) < members
    return (
        random.normal(0, 1, groups.max() + 1)[groups] + random.normal(0, 0.5, len(groups)) + shift * inside,
        inside,
        groups,
    )


def test_a_generator_that_learnt_its_images_by_heart_gives_them_away_and_an_untrained_one_does_not() -> None:
    overfitted, untrained = (generator_attack(trained(steps), TRAIN, VAL, 0) for steps in (150, 0))
    json.dumps([overfitted, untrained], allow_nan=False)
    assert overfitted["auroc"]["low"] > 0.8
    assert overfitted["p"] < ALPHA
    assert set(overfitted["per_score"]) == {"reconstruction", "elbo"}
    assert untrained["auroc"]["low"] < 0.5 < untrained["auroc"]["high"]
    assert untrained["p"] > ALPHA
    assert overfitted["tpr"]["value"] is None
    assert overfitted["tpr"]["why"].startswith("insufficient n: 40 non-members, 300 needed")


def test_the_attack_is_a_function_of_the_seed() -> None:
    generator = trained(0)
    assert generator_attack(generator, TRAIN, VAL, 3) == generator_attack(generator, TRAIN, VAL, 3)


def test_a_control_is_not_attacked() -> None:
    record = generator_attack(Generator(), TRAIN, VAL, 0)
    assert record["auroc"]["why"] == record["why"] == "a control is not trained"


def test_area_and_true_positives_are_those_of_scikit_learn() -> None:
    values, members, groups = scores(0, 200, 600, 1.0)
    record = attack(values, members, groups, np.random.default_rng(0))
    assert record["auroc"]["value"] == pytest.approx(roc_auc_score(members, values))
    false, true, _ = roc_curve(members, values, drop_intermediate=False)
    assert record["tpr"]["value"] == pytest.approx(true[false <= 0.01].max())
    assert record["tpr"]["low"] < record["tpr"]["value"] < record["tpr"]["high"]
    assert record["auroc"]["low"] < record["auroc"]["value"] < record["auroc"]["high"]


def test_images_of_one_patient_count_together() -> None:
    values, members, groups = scores(1, 60, 60, 0.0)
    wide = attack(values, members, groups, np.random.default_rng(0))
    narrow = attack(values, members, np.arange(120), np.random.default_rng(0))
    assert wide["detectable"] > narrow["detectable"] + 0.02


def test_without_memory_the_attack_is_called_significant_as_rarely_as_it_says() -> None:
    p = [attack(*scores(seed, 40, 60, 0.0), np.random.default_rng(seed))["p"] for seed in range(60)]
    assert sum(value < 0.1 for value in p) <= 12


def test_the_detectable_area_is_detected_four_times_in_five() -> None:
    values, members, groups = scores(5, 60, 60, 0.0)
    wanted = attack(values, members, groups, np.random.default_rng(0))["detectable"]
    from scipy.stats import norm

    shift = norm.ppf(wanted) * np.sqrt(2 * 1.25)
    found = [attack(*scores(seed, 60, 60, shift), np.random.default_rng(seed))["p"] < ALPHA for seed in range(100, 150)]
    assert 0.6 <= np.mean(found) <= 0.96


def test_classes_of_different_level_do_not_count_as_memory() -> None:
    values, members, groups = scores(2, 60, 60, 0.0)
    labels = np.concatenate([np.arange(60) < 50, np.arange(60) < 10]).astype(np.int64)
    record = inference({"loss": values + 100 * labels}, labels, members, groups, np.random.default_rng(0))
    assert record["p"] > ALPHA
    assert standardised(np.array([1.0, 3.0, 5.0, 5.0]), np.array([0, 0, 1, 1])).tolist() == [-1, 1, 0, 0]


def test_too_few_patients_are_said() -> None:
    values, members, groups = scores(3, 40, 12, 1.0)
    record = attack(values, members, groups, np.random.default_rng(0))
    assert record["auroc"]["value"] is None
    assert record["why"] == "insufficient n: 6 patients among non-members, 10 needed"


def test_planted_canaries_stand_out_among_those_that_were_not() -> None:
    planted, references = (canaries(TRAIN.pixels, TRAIN.labels, 12, 7, references=apart) for apart in (False, True))
    images, labels = (np.concatenate(both) for both in zip((TRAIN.pixels, TRAIN.labels), planted, strict=True))
    found = canary_attack(trained(150, images, labels), planted, references, 0)
    unseen = canary_attack(trained(150), planted, references, 0)
    assert found["auroc"] > 0.9 > unseen["auroc"]
    assert found["exposure"] > unseen["exposure"] + 1
    assert found["most"] == pytest.approx(np.log2(13))


def test_canaries_are_marked_unlike_each_other_and_their_references() -> None:
    planted, labels = canaries(TRAIN.pixels, TRAIN.labels, 30, 7)
    again, _ = canaries(TRAIN.pixels, TRAIN.labels, 30, 7)
    references, _ = canaries(TRAIN.pixels, TRAIN.labels, 30, 7, references=True)
    assert np.array_equal(planted, again)
    assert len({image.tobytes() for image in (*planted, *references)}) == 60
    assert set(labels.tolist()) <= {0, 1}
    assert planted.shape == (30, 1, 32, 32)

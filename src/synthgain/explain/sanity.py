"""Does a map depend on what the network learnt? Randomisation checks (Adebayo et al., NeurIPS 2018).

A method that draws the same map for a network of random weights shows the image's edges, not the network's reasons.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import nn

from synthgain.classifiers.fit import Batch, fit
from synthgain.explain.attribution import Classifier, Images, Labels, Maps, explain
from synthgain.schema import ClassifierConfig
from synthgain.seeding import derive, rng

LIMIT = 0.5
"""A method fails where maps of a network without knowledge are more similar than this to those of the trained one."""
FAINT = 24
"""Grey levels (of 255) up to which a pixel shows nothing."""
_SEEN = 200
"""Training images on which the network with permuted labels is looked at."""
_LEARNT = 0.5
"""Share of the way from chance to all of its training images that this network has to know, to be worth comparing."""
_COMPARABLE = 0.5
"""Smallest share of images on which both maps need a contrast."""
_STAGES = 4
"""Points of the cascade at which maps are compared, the last one with every layer randomised."""


def check(
    classifier: Classifier, method: str, images: Images, labels: Labels, maps: Maps, *, permuted: "Permuted", seed: int
) -> dict[str, Any]:
    """Compare a method's ``maps`` with those of networks that know nothing of the images.

    Parameters
    ----------
    images, labels: what the maps explain, uint8 ``(N, C, H, W)`` and ``(N,)``.
    permuted: a network of the same layers, trained on permuted labels.
    seed: draws the random weights.

    Returns
    -------
    ``cascade``: ``{layers, similarity, whole_image}`` as more and more layers are randomised, from the logits down;
    ``layers``: how many there are; ``permuted_labels``: the same two similarities to the maps of ``permuted``, with
    ``known`` (share of its training images that it knows by their permuted labels) and ``chance``; None with ``why``
    where it learnt too little to differ from a random network; ``similarity``: the larger of the last two; ``limit``;
    ``passes``: None, with ``why``, where too many maps have no contrast. What decides is the similarity where the image
    shows something: black surroundings give any two maps the same outline, whatever the networks know.
    """

    everywhere = np.ones(maps.shape, bool)
    bright = np.asarray((images > FAINT).any(1))

    def compared(network: nn.Module) -> dict[str, float | None]:
        other = explain(replace(classifier, network=network), method, images, labels)
        return {"similarity": similarity(maps, other, bright), "whole_image": similarity(maps, other, everywhere)}

    cascade = [{"layers": count, **compared(network)} for count, network in randomised(classifier.network, seed)]
    of_labels: dict[str, Any] = {"known": permuted.known, "chance": permuted.chance}
    if permuted.learnt:
        of_labels |= compared(permuted.network)
    else:
        of_labels |= {"similarity": None, "whole_image": None, "why": f"only {100 * permuted.known:.0f} % learnt"}
    random = cascade[-1]["similarity"]
    record = {
        "cascade": cascade, "layers": cascade[-1]["layers"], "permuted_labels": of_labels, "limit": LIMIT,
    }  # fmt: skip
    if random is None or (permuted.learnt and of_labels["similarity"] is None):
        return record | {"similarity": None, "passes": None, "why": "most of its maps have no contrast"}
    worst = max(known for known in (random, of_labels["similarity"]) if known is not None)
    return record | {"similarity": worst, "passes": worst <= LIMIT}


@dataclass(frozen=True)
class Permuted:
    """A network that was trained on permuted labels."""

    network: nn.Module
    known: float
    """Share of its training images (their balanced accuracy) that it calls by the permuted label."""
    chance: float

    @property
    def learnt(self) -> bool:
        return self.known >= self.chance + _LEARNT * (1 - self.chance)


def randomised(network: nn.Module, seed: int) -> Iterator[tuple[int, nn.Module]]:
    """The network with its last layers drawn anew, and how many: cascading randomisation, section 3.1 of the paper.

    It is the same copy that is handed out each time, with more layers randomised.
    """
    changed = copy.deepcopy(network)
    layers = [module for module in changed.modules() if hasattr(module, "reset_parameters")][::-1]
    stops = set(np.linspace(1, len(layers), _STAGES).round().astype(int).tolist())
    for count, layer in enumerate(layers, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "explain", "randomise", count))
            layer.reset_parameters()  # type: ignore[operator]
        if count in stops:
            yield count, changed


def similarity(first: Maps, second: Maps, where: npt.NDArray[np.bool_]) -> float | None:
    """Mean over images of Spearman's rank correlation of absolute maps ``(N, H, W)`` on the pixels ``where``.

    Images on which a map has no contrast are left out; None where fewer than half are left.
    """
    each = [_correlation(*pair) for pair in zip(np.abs(first), np.abs(second), where, strict=True)]
    known = [found for found in each if found is not None]
    return float(np.mean(known)) if known and len(known) >= _COMPARABLE * len(each) else None


def _correlation(first: Maps, second: Maps, where: npt.NDArray[np.bool_]) -> float | None:
    one, other = (rankdata(each[where]) for each in (first, second))
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale else None


def trained_on_permuted_labels(
    cfg: ClassifierConfig, network: nn.Module, images: Images, labels: Labels, *, seed: int, on: torch.device
) -> Permuted:
    """A network like ``network`` that can only have learnt training images by heart: section 3.2 of the paper.

    Parameters
    ----------
    cfg: how it is trained; without augmentation, since nothing need carry over to other images.
    network: gives the layers; its weights are not used.
    images, labels: the training images uint8 ``(N, C, H, W)`` and their true classes ``(N,)``.
    seed: permutes the labels, draws initial weights and batches.
    """
    permuted = rng(seed, "explain", "permuted labels").permutation(labels)
    fresh = [fresh for _, fresh in randomised(network, seed)][-1]

    def batch(step: int) -> Batch:
        rows = rng(seed, "explain", "batch", step).integers(len(permuted), size=cfg.training.batch_size)
        return images[rows], permuted[rows]

    seen = slice(0, _SEEN)
    looks = fit(
        fresh.train(), batch, (images[seen], permuted[seen]), cfg.training, augmentation=None,
        seed=derive(seed, "explain", "fit"), on=on,
    )  # fmt: skip
    chance = 1 / len(np.unique(permuted[seen]))
    return Permuted(fresh, max(look.val_balanced_accuracy for look in looks), chance)

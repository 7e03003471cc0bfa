"""Membership inference: can images that a generator was trained on be told from held-out ones, by its own losses?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.dataset import Images, to_float
from synthgain.generators.contract import Generator
from synthgain.privacy.planted import Pixels
from synthgain.seeding import derive, rng

Scores = npt.NDArray[np.float64]
Groups = npt.NDArray[np.integer]
Labelled = tuple[Pixels, npt.NDArray[np.int64]]
MOST = 500
"""Members, and non-members, that are attacked: chosen at random where there are more."""
LEAST_GROUPS = 10
"""Fewer members or non-members (patients) than this say nothing."""
LEAST_FOR_TPR = 300
"""Fewer non-members (images) than this do not show a false-positive rate of 1 %."""
FALSE_POSITIVES = 0.01
REPLICATES = 2000
"""Of the patient bootstrap, and of the permutation test."""
LEVEL = 0.95


DETECTABLE = 2.326 + 0.842
"""Standard deviations from chance to what a one-sided test at 1 % finds with a power of 80 %."""


def generator_attack(generator: Generator, train: Images, held_out: Images, seed: int) -> dict[str, Any]:
    """Attack on a trained generator with the scores of `Generator.membership`; at most `MOST` images a side.

    Members are training images, non-members held-out ones. Returns the record of `inference`.
    """
    draw = rng(seed, "membership")
    rows = [np.sort(draw.permutation(len(side.labels))[:MOST]) for side in (train, held_out)]
    chosen = [Images(side.pixels[at], side.labels[at], side.groups[at])
              for side, at in zip((train, held_out), rows, strict=True)]  # fmt: skip
    members = np.arange(sum(map(len, rows))) < len(rows[0])
    labels, groups = (np.concatenate([getattr(side, name) for side in chosen]) for name in ("labels", "groups"))
    scores = scored(generator, np.concatenate([side.pixels for side in chosen]), labels, derive(seed, "scores"))
    if not scores:
        nothing = {"n_members": 0, "n_non_members": 0, "per_score": {}}
        return nothing | not_estimable("a control is not trained")
    return inference(scores, labels, members, groups, draw)


def canary_attack(generator: Generator, planted: Labelled, references: Labelled, seed: int) -> dict[str, Any]:
    """How well the planted canaries stand out among ``references`` that were not: uint8 images and their labels each.

    ``auroc``, and the median ``exposure`` in bits with its greatest possible value ``most``: ``log2`` of the references
    over the rank among them (Carlini et al., USENIX Security 2019, definition 3).
    """
    labels = np.concatenate([planted[1], references[1]])
    scores = scored(generator, np.concatenate([planted[0], references[0]]), labels, derive(seed, "canary scores"))
    combined = np.mean([standardised(values, labels) for values in scores.values()], axis=0)
    ours, others = combined[: len(planted[1])], combined[len(planted[1]) :]
    ranks = 1 + (others[None] >= ours[:, None]).sum(1)
    most = np.log2(len(others) + 1)
    return {
        "n": len(ours), "references": len(others), "auroc": _area(ours, others),
        "exposure": float(np.median(most - np.log2(ranks))), "most": float(most),
    }  # fmt: skip


def scored(generator: Generator, images: Pixels, labels: npt.NDArray[np.int64], seed: int) -> dict[str, Scores]:
    """`Generator.membership` for stored images: name to ``(n,)``."""
    import torch

    given = to_float(torch.from_numpy(np.array(images)))
    found = generator.membership(given, torch.from_numpy(labels), seed=seed)
    return {name: values.double().numpy() for name, values in found.items()}


def inference(
    scores: Mapping[str, Scores], labels: npt.NDArray[np.int64], members: npt.NDArray[np.bool_], groups: Groups,
    draw: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Attack by ``scores`` of the generator: a record of `attack` for their combination, and ``per_score`` for each.

    What a model gives less loss, it more likely was trained on (Yeom et al. 2018, arXiv 1709.01604). Scores are
    standardised within the class over members and non-members together, so that neither a difference between
    classes nor the combination (their mean) knows who is a member.

    Parameters
    ----------
    scores: from `Generator.membership`: name to ``(n,)``, higher for what looks more like a member.
    labels, members, groups: class, whether in the train split, and patient, ``(n,)`` each.
    """
    known = {name: standardised(np.asarray(values, np.float64), labels) for name, values in scores.items()}
    combined = np.mean(list(known.values()), axis=0)
    record = attack(combined, members, groups, draw)
    return record | {"per_score": {name: _area(values[members], values[~members]) for name, values in known.items()}}


def standardised(scores: Scores, labels: npt.NDArray[np.int64]) -> Scores:
    """``scores (n,)`` with mean 0 and variance 1 within each class; 0 where a class has no spread."""
    found = np.zeros(len(scores))
    for label in np.unique(labels):
        rows = labels == label
        spread = scores[rows].std()
        found[rows] = (scores[rows] - scores[rows].mean()) / spread if spread > 0 else 0.0
    return found


def attack(scores: Scores, members: npt.NDArray[np.bool_], groups: Groups, draw: np.random.Generator) -> dict[str, Any]:
    """How well ``scores (n,)`` tell members from non-members.

    Returns
    -------
    auroc {value, low, high}: the limits are those of a bootstrap over patients on both sides. p: of the one-sided
    permutation test that calls the same patients members and non-members at random. detectable: the AUROC that this
    test finds with a power of 80 %, from the spread under permutation. tpr {value, low, high, at}: true positives at a
    false-positive rate of 1 % (Carlini et al., IEEE S&P 2022), from `LEAST_FOR_TPR` non-members on. Else None with
    ``why``.
    """
    sides = [np.unique(groups[rows]) for rows in (members, ~members)]
    record: dict[str, Any] = {
        "n_members": int(members.sum()), "n_non_members": int((~members).sum()),
        "member_groups": len(sides[0]), "non_member_groups": len(sides[1]),
    }  # fmt: skip
    few = [f"{len(side)} patients among {name}" for side, name in zip(sides, ("members", "non-members"), strict=True)
           if len(side) < LEAST_GROUPS]  # fmt: skip
    if few:
        return record | not_estimable(f"insufficient n: {' and '.join(few)}, {LEAST_GROUPS} needed")
    numbers = np.concatenate([np.searchsorted(sides[0], groups[members]),
                              np.searchsorted(sides[1], groups[~members]) + len(sides[0])])  # fmt: skip
    ordered = np.concatenate([scores[members], scores[~members]])
    wins, sizes = _between_groups(ordered, numbers)
    truth = np.arange(len(sizes)) < len(sides[0])
    value = float(_areas(wins, sizes, truth[None], ~truth[None])[0])
    weights = [draw.multinomial(int(side.sum()), side / side.sum(), REPLICATES) for side in (truth, ~truth)]
    drawn = _areas(wins, sizes, *weights)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    shuffled = draw.permuted(np.broadcast_to(truth, (REPLICATES, len(truth))), axis=1)
    chance = _areas(wins, sizes, shuffled, ~shuffled)
    return record | {
        "auroc": {"value": value, "low": float(low), "high": float(high)},
        "p": float(((chance >= value - 1e-12).sum() + 1) / (REPLICATES + 1)),
        "detectable": float(min(1.0, chance.mean() + DETECTABLE * chance.std())),
        "tpr": _true_positives(scores, members, numbers[: members.sum()], numbers[members.sum() :], weights),
    }


def not_estimable(why: str) -> dict[str, Any]:
    """The part of the record that says why there is no attack."""
    empty = {"value": None, "low": None, "high": None, "why": why}
    return {"auroc": empty, "p": None, "detectable": None, "tpr": empty, "why": why}


def _area(members: Scores, others: Scores) -> float | None:
    """Probability that a member scores higher than a non-member, ties counted half; None without one of them."""
    from scipy.stats import rankdata

    if not len(members) or not len(others):
        return None
    ranks = rankdata(np.concatenate([members, others]))[: len(members)].sum()
    return float((ranks - len(members) * (len(members) + 1) / 2) / (len(members) * len(others)))


def _between_groups(scores: Scores, numbers: Groups) -> tuple[Scores, Scores]:
    """How often an image of group g scores higher than one of group h, ``(G, G)``, and images per group ``(G,)``."""
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(numbers.max() + 1))
    sorted_scores = scores[order]
    rows = [np.add.reduceat(_higher(scores[numbers == group], sorted_scores), starts) for group in range(len(starts))]
    return np.stack(rows), np.bincount(numbers).astype(np.float64)


def _higher(one: Scores, others: Scores) -> Scores:
    """For each of ``others`` how many of ``one`` are higher, ties counted half."""
    ranked = np.sort(one)
    below = np.searchsorted(ranked, others, "left") + np.searchsorted(ranked, others, "right")
    return len(one) - below / 2


def _areas(wins: Scores, sizes: Scores, members: npt.NDArray[Any], others: npt.NDArray[Any]) -> Scores:
    """AUROC for each row of group weights ``(B, G)``."""
    one, other = members.astype(np.float64), others.astype(np.float64)
    return ((one @ wins) * other).sum(1) / ((one @ sizes) * (other @ sizes))


def _true_positives(
    scores: Scores, members: npt.NDArray[np.bool_], member_groups: Groups, other_groups: Groups,
    weights: list[npt.NDArray[np.int64]],
) -> dict[str, Any]:  # fmt: skip
    others = scores[~members]
    if len(others) < LEAST_FOR_TPR:
        why = f"insufficient n: {len(others)} non-members, {LEAST_FOR_TPR} needed for a false-positive rate of 1 %"
        return {"value": None, "low": None, "high": None, "at": FALSE_POSITIVES, "why": why}
    order = np.argsort(-others, kind="stable")

    def at(member_weight: Scores, other_weight: Scores) -> float:
        reached = np.cumsum(other_weight[order])
        place = int(np.searchsorted(reached, FALSE_POSITIVES * reached[-1] + 1e-9, "right"))
        above = scores[members] > others[order[min(place, len(order) - 1)]]
        return float(member_weight[above].sum() / member_weight.sum())

    value = at(np.ones(len(member_groups)), np.ones(len(others)))
    drawn = [at(one[member_groups].astype(float), other[other_groups].astype(float))
             for one, other in zip(*weights, strict=True)]  # fmt: skip
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high), "at": FALSE_POSITIVES}

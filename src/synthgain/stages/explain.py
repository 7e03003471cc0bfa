"""Where the headline's two classifiers look, whether that can be relied on, and what the generators' inputs do."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from synthgain import artifact, compute, dataset
from synthgain.artifact import Artifact
from synthgain.classifiers.inference import probabilities
from synthgain.classifiers.weights import rebuild
from synthgain.config import Config, component
from synthgain.dataset import ImageSet
from synthgain.explain import latent, sanity
from synthgain.explain.attribution import Classifier, Maps, explain, incompleteness
from synthgain.explain.localisation import localise
from synthgain.explain.sample import choose
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.seeding import derive

ROLES = ("candidate", "baseline")
NOT_ASKED = "explain.images is 0"
NO_MASKS = "the data bring no masks of lesions, so whether the maps find them cannot be measured"
Arrays = dict[str, Any]
ByRole = Mapping[str, Mapping[str, Maps]]
"""Role, then method, to maps."""


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/explain``: ``explain.json``, ``metrics.json`` (flat); ``maps.npz`` of the shown images; ``latent.npz``."""
    images, seed, on = dataset.read(paths.out("ingest")), derive(cfg.seed, "explain"), compute.device(cfg.compute)
    read = {name: artifact.read(paths.out(name)) for name in ("confirm", "screen")}
    trained = {name: artifact.read(paths.out("train_generator", name)) for name in cfg.weights}
    inputs = {"ingest": images.sha256} | {name: found.sha256 for name, found in read.items()}
    inputs |= {f"train_generator/{name}": found.sha256 for name, found in trained.items()}
    record: dict[str, Any] = {"why": NOT_ASKED}
    maps: Arrays = {}
    strips: Arrays = {}
    if cfg.explain.images:
        record, maps = _classifiers(cfg, images, read["confirm"], read["screen"], seed, on)
        record["latent"], strips = _generators(cfg, trained, len(images.classes), seed)
    with artifact.writing(
        paths.out("explain"), stage="explain", config={"explain": cfg.explain.model_dump(mode="json")}, inputs=inputs,
        seeds={"explain": seed},
    ) as draft:  # fmt: skip
        (draft.path / "explain.json").write_bytes(artifact.canonical(record))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(_metrics(record)))
        np.savez_compressed(draft.path / "maps.npz", **maps)
        np.savez_compressed(draft.path / "latent.npz", **strips)
        draft.counts["images"] = len(maps.get("images", ()))


def _classifiers(
    cfg: Config, images: ImageSet, confirmed: Artifact, screened: Artifact, seed: int, on: torch.device
) -> tuple[dict[str, Any], Arrays]:
    """The record of both classifiers, and what is shown of them."""
    facts, headline = confirmed.json("models/config.json"), screened.json("plan.json")["headline"]
    kind = component("classifiers", facts["classifier"]["kind"])
    both = {
        role: Classifier(rebuild(facts, confirmed.file(f"models/{headline[role]}.safetensors")), kind.feature_maps)
        for role in ROLES
    }
    rows, masks = _chosen(cfg, images, seed)
    pixels, labels = np.asarray(images.images[rows]), images.labels[rows]
    maps: ByRole = {
        role: {method: explain(each, method, pixels, labels) for method in cfg.explain.methods}
        for role, each in both.items()
    }
    shown = _first(labels, cfg.explain.images)
    record = {
        "arms": {role: headline[role] for role in ROLES},
        "sample": _sample(both, images, rows[shown]),
        "localisation": _localisation(maps, masks, images.table["group"].to_numpy(str)[rows], seed),
        "randomisation": _randomisation(cfg, images, both, pixels[shown], labels[shown], _at(maps, shown), seed, on),
    }
    if "integrated_gradients" in cfg.explain.methods:
        record["incompleteness"] = {
            role: incompleteness(each, pixels, labels, maps[role]["integrated_gradients"])
            for role, each in both.items()
        }
    arrays: Arrays = {"images": pixels[shown]} | ({} if masks is None else {"masks": masks[shown].astype(np.uint8)})
    for role, methods in _at(maps, shown).items():
        arrays |= {f"{role}.{method}": _scaled(found) for method, found in methods.items()}
    return record, arrays


def _chosen(cfg: Config, images: ImageSet, seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_] | None]:
    """Rows of what is shown and, where the source draws masks, of more images with a lesion; masks ``(n, H, W)``."""
    source, shown = component("sources", cfg.dataset.source.kind), cfg.explain.images
    if not hasattr(source, "mask"):
        return choose(images.table, images.classes, shown, seed), None
    rows = choose(images.table, images.classes, max(shown, cfg.explain.measured), seed)
    origins = images.table["origin"].iloc[rows]
    masks = np.stack([source.mask(cfg.dataset.source, origin, images.shape[-1]) > 0 for origin in origins])
    kept = np.union1d(_first(images.labels[rows], shown), np.flatnonzero(masks.any((1, 2))))
    return rows[kept], masks[kept]


def _first(labels: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.intp]:
    """Where the first ``count`` of each class are."""
    return np.flatnonzero(pd.Series(labels).groupby(labels).cumcount().to_numpy() < count)


def _at(maps: ByRole, rows: npt.NDArray[Any]) -> ByRole:
    return {role: {method: found[rows] for method, found in methods.items()} for role, methods in maps.items()}


def _scaled(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Each map divided by its largest absolute value: in [-1, 1]."""
    largest = np.abs(maps).max((1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0).astype(np.float16)


def _sample(both: dict[str, Classifier], images: ImageSet, rows: npt.NDArray[np.intp]) -> list[dict[str, Any]]:
    """Of each shown image its label, and what each classifier called it with what probability."""
    predicted = {role: probabilities(each.network, images.images[rows]) for role, each in both.items()}
    return [
        {"image_id": str(images.table["image_id"].iat[row]), "label": str(images.table["label"].iat[row])}
        | {
            role: {"called": images.classes[int(found[place].argmax())], "probability": float(found[place].max())}
            for role, found in predicted.items()
        }
        for place, row in enumerate(rows)
    ]


def _localisation(
    maps: ByRole, masks: npt.NDArray[np.bool_] | None, groups: npt.NDArray[np.str_], seed: int
) -> dict[str, Any]:
    if masks is None:
        return {"why": NO_MASKS}
    lesions = np.flatnonzero(masks.any((1, 2)))
    if not len(lesions):
        return {"why": f"none of the {len(masks)} test images has a lesion of a pixel or more"}
    return localise(_at(maps, lesions), masks[lesions], groups[lesions], seed)


def _randomisation(
    cfg: Config,
    images: ImageSet,
    both: dict[str, Classifier],
    pixels: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    maps: ByRole,
    seed: int,
    on: torch.device,
) -> dict[str, Any]:
    train = images.part(images.rows("train"))
    permuted = sanity.trained_on_permuted_labels(
        cfg.classifier, both["candidate"].network, train.images, train.labels, seed=seed, on=on
    )
    return {
        role: {
            method: sanity.check(each, method, pixels, labels, maps[role][method], permuted=permuted, seed=seed)
            for method in cfg.explain.methods
        }
        for role, each in both.items()
    }


def _generators(cfg: Config, trained: dict[str, Artifact], classes: int, seed: int) -> tuple[dict[str, Any], Arrays]:
    """Of each trained generator what its strips vary, and the strips by generator and that, parted by a dot."""
    record: dict[str, Any] = {}
    strips: Arrays = {}
    for name, found in trained.items():
        explored = latent.explore(partial(store.load, found), cfg.generators[name], classes, seed)
        record |= {name: {varied: each["at"] for varied, each in explored.items()}} if explored else {}
        strips |= {f"{name}.{varied}": each["strips"] for varied, each in explored.items()}
    return record, strips


def _metrics(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that runs are compared by, under flat names."""
    checks = record.get("randomisation", {})
    found = {
        f"similarity/{method}/{role}": check["similarity"]
        for role, methods in checks.items() for method, check in methods.items() if check["similarity"] is not None
    }  # fmt: skip
    lesions = record.get("localisation", {}).get("methods", {})
    return found | {
        f"{measure}/{method}/{role}": each["value"]
        for method, measures in lesions.items() for measure, roles in measures.items() for role, each in roles.items()
    }  # fmt: skip

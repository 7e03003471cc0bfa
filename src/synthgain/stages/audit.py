"""Do a generator's images look and spread like real ones, and do they give patients away?"""

from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain import artifact, dataset
from synthgain.artifact import Artifact
from synthgain.classifiers import encoder
from synthgain.classifiers.encoder import Encoder
from synthgain.compute import device
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.fidelity.comparison import Sample, compare, recognition
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.privacy.assessment import assess
from synthgain.privacy.canaries import REFERENCES, canaries
from synthgain.privacy.membership import canary_attack, generator_attack
from synthgain.privacy.memorisation import Images, Pairs
from synthgain.seeding import derive, rng

PARTS = ("synthetic", "train", "val")


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/audit/<generator>``: ``fidelity.json``, ``privacy.json``, ``neighbours.npz`` and ``metrics.json``.

    Synthetic images that the selection kept are compared with real images of the train and validation splits; nothing
    sees the test split.
    """
    assert item is not None
    device(cfg.compute)
    real, pool = dataset.read(paths.out("ingest")), dataset.read(paths.out("synthesize", item))
    encoded = artifact.read(paths.out("encode"))
    extractor = encoder.load(encoded)
    trained = artifact.read(paths.out("train_generator", item))
    seed = derive(cfg.seed, "audit", item)
    kept = np.flatnonzero(pool.table["kept"].to_numpy(bool))
    parts = {"synthetic": pool.part(kept)} | {split: real.part(real.rows(split)) for split in ("train", "val")}
    features = {name: _features(extractor, part) for name, part in parts.items()}
    fidelity = _fidelity(extractor, parts, features, rng(seed, "fidelity"))
    privacy, pairs = _privacy(cfg, parts, features, trained, item)
    asked = {"near_duplicate_rms": cfg.dataset.near_duplicate_rms, "privacy": cfg.privacy.model_dump(mode="json")}
    inputs = {
        "ingest": real.sha256, "encode": encoded.sha256, "train_generator": trained.sha256, "synthesize": pool.sha256,
    }  # fmt: skip
    with artifact.writing(
        paths.out("audit", item), stage="audit", config=asked, inputs=inputs, seeds={"audit": seed}
    ) as draft:
        (draft.path / "fidelity.json").write_bytes(artifact.canonical(fidelity))
        (draft.path / "privacy.json").write_bytes(artifact.canonical(privacy))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(_metrics(fidelity, privacy)))
        np.savez(draft.path / "neighbours.npz", **pairs.closest(kept, real.rows("train")))
        draft.counts.update(synthetic=len(kept), drawn=len(pool), train=len(parts["train"]), val=len(parts["val"]))
    print(f"{item}: {privacy['sentence']}", flush=True)


def _features(extractor: Encoder, images: ImageSet) -> npt.NDArray[np.float32]:
    return extractor.features(images.images) if len(images) else np.zeros((0, extractor.dim), np.float32)


def _fidelity(
    extractor: Encoder,
    parts: dict[str, ImageSet],
    features: dict[str, npt.NDArray[np.float32]],
    draw: np.random.Generator,
) -> dict[str, Any]:
    groups = _group_numbers(parts)
    samples = {name: Sample(features[name], part.labels, groups[name]) for name, part in parts.items()}
    real = Sample(*(np.concatenate([getattr(samples[s], field) for s in ("train", "val")])
                    for field in ("features", "labels", "groups")))  # fmt: skip
    classes = parts["train"].classes
    recognised = {
        name: recognition(extractor.probabilities(parts[split].images), parts[split].labels, classes)
        for name, split in (("synthetic", "synthetic"), ("real_val", "val"))
        if len(parts[split])
    }
    return {
        "extractor": {
            "name": "encoder", "sha256": extractor.sha256, "features": extractor.dim,
            "trained_on": "the real train split, so that training images lie further apart than fresh ones",
        },
        "n_synthetic": len(parts["synthetic"]), "n_real": len(real.labels), "real": "train and val",
        **compare(samples["synthetic"], real, classes, draw),
        "recognition": recognised | {"chance": 1 / len(classes)},
    }  # fmt: skip


def _privacy(
    cfg: Config, parts: dict[str, ImageSet], features: dict[str, npt.NDArray[np.float32]], trained: Artifact, item: str
) -> tuple[dict[str, Any], Pairs]:
    generator = store.load(trained, cfg.generators[item]).to(device(cfg.compute))
    groups, seed = _group_numbers(parts), derive(cfg.seed, "audit", item, "privacy")
    three = [Images(parts[name].images, parts[name].labels, groups[name]) for name in PARTS]
    train, held_out = three[1:]
    attacked = generator_attack(generator, train, held_out, seed)
    if cfg.privacy.canaries and not generator.control:
        planted, references = (
            canaries(train.pixels, train.labels, count, trained.manifest["seeds"][item], references=apart)
            for count, apart in ((cfg.privacy.canaries, False), (REFERENCES, True))
        )
        attacked["canaries"] = canary_attack(generator, planted, references, seed)
    encoded = features["synthetic"], features["train"], features["val"]
    return assess(
        three[0], train, held_out, encoded, attacked, parts["train"].classes, cfg.dataset.near_duplicate_rms, seed,
        trained.manifest["facts"].get("differential_privacy"),
    )  # fmt: skip


def _group_numbers(parts: dict[str, ImageSet]) -> dict[str, npt.NDArray[np.int64]]:
    """Groups as numbers that are equal across the parts where the names are."""
    names = np.concatenate([part.table["group"].to_numpy(str) for part in parts.values()])
    _, numbers = np.unique(names, return_inverse=True)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    return dict(zip(parts, np.split(numbers, ends), strict=True))


def _metrics(fidelity: dict[str, Any], privacy: dict[str, Any]) -> dict[str, float]:
    """Flat numbers for tracking; what is not estimable is left out."""
    pooled = fidelity["pooled"]
    flat = {
        "kid": pooled["kid"]["value"],
        "kid_null": pooled["kid_null"]["mean"],
        "fid": pooled["fid"]["mean"],
        "fid_null": pooled["fid_null"]["mean"],
        "recognised": fidelity["recognition"].get("synthetic", {}).get("share"),
        "duplicate_share": privacy["duplicates"]["share"],
        "nearer_to_train": privacy["nearer_to_train"]["pixels"]["share"],
        "authenticity": privacy["authenticity"]["pixels"]["share"],
        "copy_share": privacy["copy_detector"]["share"],
        "membership_auroc": privacy["membership"]["auroc"]["value"],
        "memorisation_flagged": int(privacy["flagged"]),
        "kept": fidelity["n_synthetic"],
    }
    return {key: value for key, value in flat.items() if value is not None}

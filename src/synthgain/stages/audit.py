"""Do a generator's images look and spread like real ones, and do they give patients away?"""

from collections.abc import Callable, Mapping
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
from synthgain.fidelity import extractors
from synthgain.fidelity.comparison import LEVEL, MEASURES, Sample, compare, recognition
from synthgain.fidelity.diversity import Pictures, intra_class
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.privacy import copies
from synthgain.privacy.assessment import assess
from synthgain.privacy.canaries import REFERENCES, canaries
from synthgain.privacy.membership import canary_attack, generator_attack
from synthgain.privacy.memorisation import Images, Pairs
from synthgain.seeding import derive, rng

Images8 = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]
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
    own = encoder.load(encoded)
    trained = artifact.read(paths.out("train_generator", item))
    seed = derive(cfg.seed, "audit", item)
    kept = np.flatnonzero(pool.table["kept"].to_numpy(bool))
    parts = {"synthetic": pool.part(kept)} | {split: real.part(real.rows(split)) for split in ("train", "val")}
    features = _features(own.features, parts)
    fidelity = _fidelity(own, parts, features, seed)
    fidelity["extractors"] |= _brought(cfg, paths, parts, seed)
    privacy, pairs = _privacy(cfg, parts, features, trained, encoded, item)
    settings = {
        "near_duplicate_rms": cfg.dataset.near_duplicate_rms, "fidelity": cfg.fidelity.shown(),
        "privacy": cfg.privacy.model_dump(mode="json"),
    }  # fmt: skip
    inputs = {
        "ingest": real.sha256, "encode": encoded.sha256, "train_generator": trained.sha256, "synthesize": pool.sha256,
    }  # fmt: skip
    with artifact.writing(
        paths.out("audit", item), stage="audit", config=settings, inputs=inputs, seeds={"audit": seed}
    ) as draft:
        (draft.path / "fidelity.json").write_bytes(artifact.canonical(fidelity))
        (draft.path / "privacy.json").write_bytes(artifact.canonical(privacy))
        (draft.path / "metrics.json").write_bytes(artifact.canonical(_metrics(fidelity, privacy)))
        np.savez(draft.path / "neighbours.npz", **pairs.closest(kept, real.rows("train")))
        draft.counts.update(synthetic=len(kept), drawn=len(pool), train=len(parts["train"]), val=len(parts["val"]))
    print(f"{item}: {privacy['sentence']}", flush=True)


def _features(of: Callable[[Images8], Features], parts: Mapping[str, ImageSet]) -> dict[str, Features]:
    """Features of each part, ``(N, F)`` also where it has no image."""
    found = {name: of(part.images) for name, part in parts.items() if len(part)}
    dim = next(iter(found.values())).shape[1]
    return {name: found.get(name, np.zeros((0, dim), np.float32)) for name in parts}


def _fidelity(
    own: Encoder, parts: Mapping[str, ImageSet], features: Mapping[str, Features], seed: int
) -> dict[str, Any]:
    """The encoder's record, and what needs no extractor."""
    classes, labels, groups = parts["train"].classes, _labels(parts), _group_numbers(parts)
    real = _real({name: part.images for name, part in parts.items()})
    recognised = {
        name: recognition(own.probabilities(parts[split].images), parts[split].labels, classes)
        for name, split in (("synthetic", "synthetic"), ("real_val", "val"))
        if len(parts[split])
    }
    return {
        "n_synthetic": len(parts["synthetic"]), "n_real": len(real), "real": "train and val",
        "extractors": {"encoder": {
            "sha256": own.sha256, "features": own.dim,
            "trained_on": "the real train split, so that training images lie further apart than fresh ones",
            **_compared(features, parts, rng(seed, "fidelity")),
        }},
        "diversity": intra_class(
            Pictures(parts["synthetic"].images, labels["synthetic"], groups["synthetic"]),
            Pictures(real, _real(labels), _real(groups)), classes, level=LEVEL, rng=rng(seed, "diversity"),
        ),
        "recognition": recognised | {"chance": 1 / len(classes)},
    }  # fmt: skip


def _brought(cfg: Config, paths: Paths, parts: Mapping[str, ImageSet], seed: int) -> dict[str, Any]:
    """A record for each extractor that the user brings."""
    records = {}
    for name, given in cfg.fidelity.extractors.items():
        extractor = extractors.load(name, given, paths.root, cfg.compute.threads)
        features = _features(extractor.features, parts)
        dim = features["train"].shape[1]
        compared = _compared(features, parts, rng(seed, "fidelity", name))
        records[name] = {"sha256": extractor.sha256, "features": dim, **compared}
    return records


def _compared(features: Mapping[str, Features], parts: Mapping[str, ImageSet], draw: np.random.Generator) -> Any:
    labels, groups = _labels(parts), _group_numbers(parts)
    synthetic = Sample(features["synthetic"], labels["synthetic"], groups["synthetic"])
    return compare(synthetic, Sample(_real(features), _real(labels), _real(groups)), parts["train"].classes, draw)


def _real(of: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate([of["train"], of["val"]])


def _labels(parts: Mapping[str, ImageSet]) -> dict[str, npt.NDArray[np.int64]]:
    return {name: part.labels for name, part in parts.items()}


def _privacy(
    cfg: Config,
    parts: Mapping[str, ImageSet],
    features: Mapping[str, Features],
    trained: Artifact,
    encoded: Artifact,
    item: str,
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
    vectors = features["synthetic"], features["train"], features["val"]
    return assess(
        three[0], train, held_out, vectors, attacked, parts["train"].classes, cfg.dataset.near_duplicate_rms, seed,
        copies.load(encoded.file(copies.FILE), train.pixels) if copies.FILE in encoded.manifest["files"] else None,
        trained.manifest["facts"].get("differential_privacy"),
    )  # fmt: skip


def _group_numbers(parts: Mapping[str, ImageSet]) -> dict[str, npt.NDArray[np.int64]]:
    """Groups as numbers that are equal across the parts where the names are."""
    names = np.concatenate([part.table["group"].to_numpy(str) for part in parts.values()])
    _, numbers = np.unique(names, return_inverse=True)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    return dict(zip(parts, np.split(numbers, ends), strict=True))


def _metrics(fidelity: dict[str, Any], privacy: dict[str, Any]) -> dict[str, float]:
    """Flat numbers for tracking; what is not estimable is left out."""
    flat = {
        "recognised": fidelity["recognition"].get("synthetic", {}).get("share"),
        "ms_ssim": fidelity["diversity"]["pooled"]["ms_ssim"]["value"],
        "ms_ssim_null": fidelity["diversity"]["pooled"]["ms_ssim_null"]["value"],
        "duplicate_share": privacy["duplicates"]["share"],
        "nearer_to_train": privacy["nearer_to_train"]["pixels"]["share"],
        "authenticity": privacy["authenticity"]["pixels"]["share"],
        "copy_share": privacy["copy_detector"]["share"],
        "membership_auroc": privacy["membership"]["auroc"]["value"],
        "memorisation_flagged": int(privacy["flagged"]),
        "kept": fidelity["n_synthetic"],
    }
    for name, record in fidelity["extractors"].items():
        prefix = "" if name == "encoder" else f"{name}."
        flat |= {f"{prefix}{key}": _number(record["pooled"][key]) for key in MEASURES}
    return {key: value for key, value in flat.items() if value is not None}


def _number(record: Mapping[str, Any]) -> float | None:
    found: float | None = record.get("value", record.get("mean"))
    return found

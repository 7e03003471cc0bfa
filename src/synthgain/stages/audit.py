"""Do a generator's images look and spread like real ones, and do they give patients away?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain import artifact, dataset
from synthgain.artifact import Artifact
from synthgain.classifiers import encoder
from synthgain.classifiers.encoder import Encoder
from synthgain.compute import device
from synthgain.config import Config
from synthgain.dataset import Images, ImageSet
from synthgain.evaluation import attributes
from synthgain.fidelity import extractors
from synthgain.fidelity.comparison import LEVEL, MEASURES, Sample, compare, recognition
from synthgain.fidelity.diversity import intra_class
from synthgain.fidelity.reach import reach
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.privacy import copies
from synthgain.privacy.assessment import assess
from synthgain.privacy.canaries import REFERENCES, canaries
from synthgain.privacy.membership import canary_attack, generator_attack
from synthgain.privacy.memorisation import Pairs
from synthgain.seeding import derive, rng

Images8 = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]
Sets = Mapping[str, Images]


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/audit/<generator>``: ``fidelity.json``, ``privacy.json``, ``neighbours.npz`` and ``metrics.json``.

    Fidelity is that of the synthetic images that the selection kept, privacy that of all that were drawn: an arm may
    use them unfiltered, and a filter may hide what a generator gives away. They are compared with real images of the
    train and validation splits; nothing sees the test split.
    """
    assert item is not None
    device(cfg.compute)
    real, pool = dataset.read(paths.out("ingest")), dataset.read(paths.out("synthesize", item))
    encoded = artifact.read(paths.out("encode"))
    own = encoder.load(encoded)
    trained = store.read(cfg, paths, item)
    seed = derive(cfg.seed, "audit", item)
    kept = np.flatnonzero(pool.table["kept"].to_numpy(bool))
    sets = _arrays({"drawn": pool, **{name: real.part(real.rows(name)) for name in ("train", "val")}})
    features = _features(own.features, sets)
    features["synthetic"], sets["synthetic"] = features["drawn"][kept], sets["drawn"].at(kept)
    fidelity = _fidelity(own, sets, features, real.classes, seed)
    compared = {name: images for name, images in sets.items() if name != "drawn"}
    fidelity["extractors"] |= _brought(cfg, paths, compared, real.classes, seed)
    fidelity["subgroups"] = _reach(cfg, real, sets, features, seed)
    privacy, pairs = _privacy(cfg, sets, features, real.classes, trained, encoded, item)
    settings = {
        "near_duplicate_rms": cfg.dataset.near_duplicate_rms, "fidelity": cfg.fidelity.shown(),
        "fairness": cfg.fairness.model_dump(mode="json"),
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
        np.savez(draft.path / "neighbours.npz", **pairs.closest(np.arange(len(pool)), real.rows("train")))
        draft.counts.update({part: len(images.labels) for part, images in sets.items()})
    print(f"{item}: {privacy['sentence']}", flush=True)


def _arrays(parts: Mapping[str, ImageSet]) -> dict[str, Images]:
    """The parts as arrays, patients numbered alike in all of them."""
    names = np.concatenate([part.table["group"].to_numpy(str) for part in parts.values()])
    _, numbers = np.unique(names, return_inverse=True)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    groups = zip(parts.items(), np.split(numbers, ends), strict=True)
    return {name: Images(part.images, part.labels, numbered) for (name, part), numbered in groups}


def _features(of: Callable[[Images8], Features], sets: Sets) -> dict[str, Features]:
    """Features of each part, ``(N, F)`` also where it has no image."""
    found = {name: of(part.pixels) for name, part in sets.items() if len(part.labels)}
    dim = next(iter(found.values())).shape[1]
    return {name: found.get(name, np.zeros((0, dim), np.float32)) for name in sets}


def _fidelity(
    own: Encoder, sets: Sets, features: Mapping[str, Features], classes: Sequence[str], seed: int
) -> dict[str, Any]:
    """The encoder's record, and what needs no extractor."""
    real = sets["train"].joined(sets["val"])
    recognised = {
        name: recognition(own.probabilities(sets[split].pixels), sets[split].labels, classes)
        for name, split in (("synthetic", "synthetic"), ("real_val", "val"))
        if len(sets[split].labels)
    }
    return {
        "n_synthetic": len(sets["synthetic"].labels), "n_real": len(real.labels), "real": "train and val",
        "extractors": {"encoder": {
            "sha256": own.sha256, "features": own.dim,
            "trained_on": "the real train split, so that training images lie further apart than fresh ones",
            **_compared(features, sets, classes, rng(seed, "fidelity")),
        }},
        "diversity": intra_class(sets["synthetic"], real, classes, level=LEVEL, rng=rng(seed, "diversity")),
        "recognition": recognised | {"chance": 1 / len(classes)},
    }  # fmt: skip


def _reach(
    cfg: Config, real: ImageSet, sets: Sets, features: Mapping[str, Features], seed: int
) -> dict[str, Any]:  # fmt: skip
    """Which subgroups of the real training and validation images the synthetic ones reach."""
    train, val = (real.table.iloc[real.rows(name)] for name in ("train", "val"))
    known = pd.concat([train, val], ignore_index=True)
    of_study = attributes.reserved(cfg.dataset)
    found, left_out = attributes.find(train, known, cfg.fairness.attributes, of_study)
    return reach(*_samples(features, sets), found, left_out, cfg.fairness.min_patients, rng(seed, "reach"))


def _brought(cfg: Config, paths: Paths, sets: Sets, classes: Sequence[str], seed: int) -> dict[str, Any]:
    """A record for each extractor that the user brings."""
    records = {}
    for name, given in cfg.fidelity.extractors.items():
        extractor = extractors.load(name, given, paths.root, cfg.compute.threads)
        features = _features(extractor.features, sets)
        dim = features["train"].shape[1]
        compared = _compared(features, sets, classes, rng(seed, "fidelity", name))
        records[name] = {"sha256": extractor.sha256, "features": dim, **compared}
    return records


def _compared(
    features: Mapping[str, Features], sets: Sets, classes: Sequence[str], draw: np.random.Generator
) -> dict[str, Any]:
    return compare(*_samples(features, sets), classes, draw)


def _samples(features: Mapping[str, Features], sets: Sets) -> tuple[Sample, Sample]:
    """The features of the synthetic images that were kept, and of the real training and validation images."""
    synthetic, real = sets["synthetic"], sets["train"].joined(sets["val"])
    seen = np.concatenate([features["train"], features["val"]])
    return Sample(features["synthetic"], synthetic.labels, synthetic.groups), Sample(seen, real.labels, real.groups)


def _privacy(
    cfg: Config, sets: Sets, features: Mapping[str, Features], classes: Sequence[str], trained: Artifact,
    encoded: Artifact, item: str,
) -> tuple[dict[str, Any], Pairs]:  # fmt: skip
    generator, seed = store.load(trained, cfg.generators[item]), derive(cfg.seed, "audit", item, "privacy")
    drawn, train, held_out = (sets[name] for name in ("drawn", "train", "val"))
    attacked = generator_attack(generator.to(device(cfg.compute)), train, held_out, seed)
    if cfg.privacy.canaries and not generator.control:
        (marked,) = trained.manifest["seeds"].values()
        planted, references = (
            canaries(train.pixels, train.labels, count, marked, references=apart)
            for count, apart in ((cfg.privacy.canaries, False), (REFERENCES, True))
        )
        attacked["canaries"] = canary_attack(generator, planted, references, seed)
    vectors = features["drawn"], features["train"], features["val"]
    return assess(
        drawn, train, held_out, vectors, attacked, classes, cfg.dataset.near_duplicate_rms, seed,
        copies.load(encoded.file(copies.FILE), train.pixels) if copies.FILE in encoded.manifest["files"] else None,
        trained.manifest["facts"].get("differential_privacy"),
    )  # fmt: skip


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

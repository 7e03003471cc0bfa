"""A finished toy workspace: every artifact that the report reads, written by the real writers, with drawn heads."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgain import artifact, dataset
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.schema import ClassifierConfig, Dataset, Extractor, Fidelity, GeneratorConfig, SourceConfig

HOSTILE = "<script>alert(1)</script>$x_1$"
CLASSES = ("glioma", "meningioma", HOSTILE, "no_tumour")
SIZE = 32
BASELINES = ("classic", "oversample", "duplicate")
SYNTHETIC = ("synthetic-dcgan-r0.5", "synthetic-edm-r1", "oracle")
NO_AUROC = "a class is missing among the test images"


def config() -> Config:
    return Config(
        dataset=Dataset(name="phantom", source=SourceConfig(kind="phantom"), path="/home/someone/private/mri"),
        generators={name: GeneratorConfig(kind=name) for name in ("dcgan", "edm", "copies", "oracle")},
        classifier=ClassifierConfig(kind="cnn"),
        fidelity=Fidelity(extractors={"backbone": Extractor(file="/home/someone/nets/b.onnx", sha256="b" * 64)}),
    )


def head(rng: np.random.Generator, label: int, blur: float = 0.0) -> np.ndarray:
    """An ellipse with ventricles and, but for the last class, a bright lesion at the class's place: (1, S, S)."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j] + rng.normal(0, 0.04, (2, 1, 1))
    radius = np.hypot(x / (0.72 + rng.normal(0, 0.03)), y / (0.88 + rng.normal(0, 0.03)))
    image = 90.0 * (radius < 0.9) + 170.0 * ((radius > 0.9) & (radius < 1))
    image -= 55 * (np.hypot((np.abs(x) - 0.15) / 0.5, y) < 0.22)
    if label < 3:
        cy, cx = ((-0.3, 0.25), (0.2, -0.5), (0.55, 0.0))[label] + rng.normal(0, 0.06, 2)
        image += 110 * np.exp(-((np.hypot(x - cx, y - cy) / (0.12 + 0.05 * (label == 0))) ** 2))
    if blur:
        from scipy.ndimage import gaussian_filter

        image = gaussian_filter(image, blur)
    return np.clip(image + rng.normal(0, 7, image.shape), 0, 255).astype(np.uint8)[None]


def build(root: Path, word: str = "gain") -> Paths:
    """Write all artifacts under ``root`` for a study whose verdict is ``word``."""
    paths = Paths(root)
    rng = np.random.default_rng(0)
    real = _ingest(paths, rng)
    _write(paths.out("validate"), "validate", {"report.json": VALIDATION})
    _write(paths.out("encode"), "encode", {}, {"history.csv": _history(rng, ["step", "loss"])})
    for name in config().generators:
        trained = {"history.csv": _history(rng, ["step", "generator", "discriminator"])} if name == "dcgan" else {}
        trained |= {"history.csv": _history(rng, ["step", "loss"])} if name == "edm" else {}
        _write(paths.out("train_generator", name), "train_generator", {"config.json": {"kind": name}}, trained)
        _synthesize(paths, rng, name, real)
        _audit(paths, rng, name)
    _screen(paths, rng)
    _write(paths.out("confirm"), "confirm", {"models/config.json": MODELS}, {"history.csv": _confirm_history(rng)})
    _explain(paths, rng, real)
    evaluated = {"gains.json": gains(word), "subgroups.json": subgroups(), "metrics.json": {}}
    _write(paths.out("evaluate"), "evaluate", evaluated)
    return paths


MODELS = {
    "classifier": {"kind": "cnn"}, "channels": 1, "size": SIZE, "classes": list(CLASSES),
    "arms": {arm: {"seed": 3, "val_balanced_accuracy": 0.71} for arm in (*BASELINES, *SYNTHETIC)},
}  # fmt: skip
VALIDATION = {
    "success": True,
    "checks": [
        {"name": "unique_hashes", "severity": "critical", "success": True, "detail": "no image occurs twice"},
        {"name": "patients_disjoint", "severity": "critical", "success": True, "detail": "0 patients in two splits"},
        {"name": "class_size", "severity": "warning", "success": False, "detail": f"{HOSTILE}: 12 images in val"},
    ],
}


def _write(target: Path, stage: str, values: dict[str, Any], tables: dict[str, pd.DataFrame] | None = None) -> None:
    with artifact.writing(target, stage=stage, config={}, inputs={}) as draft:
        for name, value in values.items():
            (draft.path / name).parent.mkdir(exist_ok=True)
            (draft.path / name).write_bytes(artifact.canonical(value))
        for name, table in (tables or {}).items():
            table.to_csv(draft.path / name, index=False)


def _ingest(paths: Paths, rng: np.random.Generator) -> np.ndarray:
    rows, images = [], []
    for index in range(160):
        label = index % 4
        split = ("train", "train", "train", "val", "test", "test")[index // 4 % 6]
        images.append(head(rng, label))
        patient = f"p{index // 8:03d}"
        rows.append(
            {"image_id": f"i{index:04d}", "label": CLASSES[label], "patient_id": patient, "group": patient,
             "split": split, "source": "real", "origin": f"site/{index}.png", "sha256": "",
             "stored_sha256": f"{index:064x}", "duplicate_group": ""}
        )  # fmt: skip
    quarantine = pd.DataFrame(
        {"origin": [f"bad/{HOSTILE}-{i}.png" for i in range(61)], "reason": "truncated", "detail": "ends at byte 1024"}
    )
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        dataset.write(draft, np.stack(images), pd.DataFrame(rows), CLASSES)
        quarantine.to_csv(draft.path / "quarantine.csv", index=False)
        (draft.path / "facts.json").write_bytes(artifact.canonical(FACTS))
    return np.stack(images)


FACTS = {
    "images": 160, "quarantined": 61, "patients": 20, "groups": 20, "duplicate_groups": 3,
    "images_in_duplicate_groups": 7, "split": "by patient, stratified by label, shares 0.15 and 0.25", "counts": {},
    "sizes": {"240 x 240": 120, "256 x 240": 40}, "modes": {"L": 150, "I;16": 10}, "quarantine": {"truncated": 61},
    "notes": ["intervals stay somewhat optimistic: groups stand in for unknown patients"],
}  # fmt: skip


def _synthesize(paths: Paths, rng: np.random.Generator, name: str, real: np.ndarray) -> None:
    rows, images = [], []
    for index in range(80):
        label = index % 4
        images.append(real[index] if name == "copies" else head(rng, label, {"dcgan": 0.9, "edm": 0.5}.get(name, 0)))
        reason = (
            ("confidence" if index % 11 == 0 else "similarity" if index % 13 == 0 else "") if name[0] in "de" else ""
        )
        rows.append(
            {"image_id": f"{name}-{index:04d}", "label": CLASSES[label], "patient_id": "",
             "group": f"synthetic-{name}-{index}", "split": "train", "source": name, "origin": f"{name}:0:{index}",
             "confidence": 0.9, "similarity": 0.8, "kept": reason == "", "reason": reason}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    filtered = name[0] in "de"
    selection = {
        "filtered": filtered, "why": "" if filtered else "a control is never filtered", "needed": 60, "enough": True,
        "thresholds": {"confidence": 0.2, "similarity": -2.0}, "all": _tally(table),
        "classes": {label: _tally(part) for label, part in table.groupby("label")},
    }  # fmt: skip
    with artifact.writing(paths.out("synthesize", name), stage="synthesize", config={}, inputs={}) as draft:
        dataset.write(draft, np.stack(images), table, CLASSES)
        (draft.path / "selection.json").write_bytes(artifact.canonical(selection))


def _tally(table: pd.DataFrame) -> dict[str, int]:
    reasons = {f"rejected_by_{name}": int((table["reason"] == name).sum()) for name in ("confidence", "similarity")}
    return {"drawn": len(table), "kept": int(table["kept"].sum()), **reasons}


def _audit(paths: Paths, rng: np.random.Generator, name: str) -> None:
    """Every image of `copies` is its own nearest; the last class has too few images."""
    copied = name == "copies"
    means = {"kid_null": 0.004, "c2st_null": 0.51, "fid": 12.3, "fid_null": 4.56, "precision": 0.62, "recall": 0.41,
             "density": 0.83, "coverage": 0.7, "precision_null": 0.71, "recall_null": 0.69, "density_null": 0.97,
             "coverage_null": 0.94}  # fmt: skip
    unknown = {"value": None, "mean": None, "low": None, "high": None, "n": None, "p": None}
    distances = {
        "kid": {"value": 0.41, "low": 0.36, "high": 0.47}, "n_synthetic": 62, "n_real": 112,
        "c2st": {"value": 0.83, "low": 0.78, "high": 0.88, "p": 0.005},
        **{key: {"mean": value, "low": value - 0.01, "high": value + 0.02, "n": 50} for key, value in means.items()},
        **{key: dict.fromkeys(("mean", "low", "high", "n")) | {"why": FEW_FOR_INFINITY}
           for key in ("fid_infinity", "fid_infinity_null")},
    }  # fmt: skip
    short = distances | {key: unknown | {"why": FEW} for key in distances if key[:2] != "n_"}
    per_class = {label: short if label == CLASSES[-1] else distances for label in CLASSES}
    similar = {"ms_ssim": {"value": 0.52, "low": 0.47, "high": 0.56, "pairs": 500},
               "ms_ssim_null": {"value": 0.31, "low": 0.28, "high": 0.34, "pairs": 500}}  # fmt: skip
    seen = {"share": 0.81, "n": 62, "per_class": {label: {"share": 0.8, "n": 15} for label in CLASSES}}
    fidelity = {
        "extractors": {
            extractor: {"sha256": sha256 * 64, "features": 64, "pooled": distances, "per_class": per_class}
            for extractor, sha256 in (("encoder", "0"), ("backbone", "b"))
        },
        "diversity": {"scales": 2, "pooled": similar, "per_class": dict.fromkeys(CLASSES, similar)},
        "recognition": {"synthetic": seen, "real_val": seen, "chance": 0.25},
        "subgroups": {"pooled": _reached("", 0.8), "left_out": {}, "attributes": {
            "site": {"subgroups": [_reached("a", 0.86), _reached("b", 0.42), _reached("c", None)]}}},
    }  # fmt: skip
    privacy = _privacy(name)
    with artifact.writing(paths.out("audit", name), stage="audit", config={}, inputs={}) as draft:
        (draft.path / "fidelity.json").write_bytes(artifact.canonical(fidelity))
        (draft.path / "privacy.json").write_bytes(artifact.canonical(privacy))
        rows = np.arange(8)
        np.savez(
            draft.path / "neighbours.npz", synthetic=rows, train=rows, flipped=rows % 3 == 1,
            rms=np.zeros(8) if copied else np.sort(rng.uniform(8, 15, 8)),
        )  # fmt: skip


def explained() -> dict[str, Any]:
    """The content of ``explain.json``: occlusion of the baseline fails its check; one test patient per class."""

    def check(last: float) -> dict[str, Any]:
        cascade = [{"layers": k, "similarity": value, "whole_image": 0.62} for k, value in ((1, 0.71), (3, last))]
        return {"cascade": cascade, "layers": 3, "permuted_labels": {"similarity": 0.11, "whole_image": 0.5},
                "similarity": last, "limit": 0.5, "passes": last <= 0.5}  # fmt: skip

    def measured(value: float) -> dict[str, Any]:
        return {"value": value, "low": value - 0.1, "high": value + 0.1}

    both = {"candidate": measured(0.62), "baseline": measured(0.55), "difference": measured(0.07)}
    call = {"called": HOSTILE, "probability": 0.83}
    return {
        "arms": {"candidate": "synthetic-edm-r1", "baseline": "classic"},
        "sample": [{"image_id": f"secret-{k}", "label": label, "candidate": call, "baseline": call}
                   for k, label in enumerate(CLASSES)],
        "randomisation": {"candidate": {"grad_cam": check(0.04), "occlusion": check(0.12)},
                          "baseline": {"grad_cam": check(0.08), "occlusion": check(0.83)}},
        "localisation": {"images": 48, "patients": 31, "chance": 0.027, "level": 0.95,
                         "methods": {name: {"pointing": both, "energy": both} for name in ("grad_cam", "occlusion")}},
        "incompleteness": {"candidate": 0.015, "baseline": 0.024},
        "latent": {"dcgan": {"classes": [[1, 0, 0, 0]] * 7, "directions": [-1, 1]},
                   "edm": {"classes": [[1, 0, 0, 0]] * 7, "guidance": [0, 1, 2]}},
    }  # fmt: skip


def _explain(paths: Paths, rng: np.random.Generator, real: np.ndarray) -> None:
    maps = {f"{role}.{method}": rng.uniform(-1, 1, (4, SIZE, SIZE)).astype(np.float16)
            for role in ("candidate", "baseline") for method in ("grad_cam", "occlusion")}  # fmt: skip
    maps |= {"images": real[:4], "masks": (real[:4, 0] > 200).astype(np.uint8)}
    latent = {"dcgan.classes": (2, 7), "dcgan.directions": (3, 2), "edm.classes": (2, 7), "edm.guidance": (4, 3)}
    with artifact.writing(paths.out("explain"), stage="explain", config={}, inputs={}) as draft:
        (draft.path / "explain.json").write_bytes(artifact.canonical(explained()))
        np.savez(draft.path / "maps.npz", **maps)
        strips = {
            name: rng.integers(0, 255, (*shape, 1, SIZE, SIZE)).astype(np.uint8) for name, shape in latent.items()
        }
        np.savez(draft.path / "latent.npz", **strips)


FEW_FOR_INFINITY = "insufficient n: 50 images a side, 256 needed for 64 features"


def _reached(name: str, value: float | None) -> dict[str, Any]:
    if value is None:
        return {"name": name, "images": 20, "patients": 10, "value": None, "low": None, "high": None,
                "why": "insufficient n: 10 patients or groups, 20 needed"}  # fmt: skip
    return {"name": name, "images": 60, "patients": 30, "value": value, "low": value - 0.08, "high": value + 0.08}


def _privacy(name: str) -> dict[str, Any]:
    """`copies` are copies; of the trained generators only `edm` tells members; the last class has too few patients."""
    copied, found = name == "copies", 1.0 if name == "copies" else 0.0
    rate = {"share": found, "low": max(0, found - 0.06), "high": min(1, found + 0.06), "n": 62}
    power = {kind: rate | {"share": 0.9} for kind in ("exact", "flipped", "rotated", "noisy")}
    nearer = {"share": 0.99 if copied else 0.53, "p": 0.002 if copied else 0.31, "n": 62, "expected_low": 0.41,
              "expected_high": 0.59, "needed": 0.2}  # fmt: skip
    few = {"share": None, "n": 0, "p": None, "why": "insufficient n: fewer than 5 held-out patients"}
    nearer |= {"classes": list(CLASSES), "left_out": [],
               "per_class": {label: few if label == CLASSES[-1] else dict(nearer) for label in CLASSES}}  # fmt: skip
    per_class = dict.fromkeys(CLASSES, rate)
    authentic = rate | {"share": 0.7, "held_out": rate | {"share": 0.75}}
    authentic |= {"per_class": {label: dict(authentic) for label in CLASSES}}
    detector = rate | {"held_out": rate | {"share": 0.01}, "p": 0.4, "needed": 0.14, "power": power,
                       "per_class": per_class, "flagged": copied}  # fmt: skip
    if name == "oracle":
        detector = {"share": None, "low": None, "high": None, "n": 62, "p": None, "needed": None, "threshold": None,
                    "flagged": False, "power": {}, "why": "insufficient n: 7 held-out patients, 10 needed"}  # fmt: skip
    none = {"value": None, "low": None, "high": None}
    if name in ("dcgan", "edm"):
        area = {"value": 0.94, "low": 0.89, "high": 0.98} if name == "edm" else {"value": 0.52, "low": 0.4, "high": 0.6}
        membership = {"auroc": area, "p": 0.0004 if name == "edm" else 0.4, "detectable": 0.71, "n_members": 128,
                      "n_non_members": 128, "tpr": none | {"why": "insufficient n: 128 non-members, 300 needed"},
                      "per_score": {"sigma 0.1": area["value"], "sigma 1": 0.5}}  # fmt: skip
    else:
        membership = {"auroc": none | {"why": "a control is not trained"}, "p": None, "detectable": None, "tpr": none,
                      "n_members": 0, "n_non_members": 0, "per_score": {},
                      "why": "a control is not trained"}  # fmt: skip
    return {
        "flagged": copied or name == "edm", "flagged_images": copied, "flagged_weights": name == "edm",
        "flagged_by": ["duplicates", "copy_detector"] if copied else ["membership"] if name == "edm" else [],
        "sentence": f"memorisation detected: {COPIED}" if copied else "no memorisation detected", "n_synthetic": 62,
        "duplicates": rate | {"threshold": 2.5, "flagged": copied, "needed": 0.01, "power": power,
                              "per_class": per_class},
        "nearer_to_train": {"pixels": nearer, "features": nearer}, "copy_detector": detector,
        "authenticity": {"pixels": authentic, "features": authentic}, "membership": membership,
    }  # fmt: skip


FEW = "insufficient n: 7 synthetic images, 10 needed"
COPIED = "100.0 % of the synthetic images nearly equal a training image"


def _history(rng: np.random.Generator, columns: list[str]) -> pd.DataFrame:
    steps = np.arange(0, 1000, 10)
    values = {name: np.round(np.exp(-steps / 300) + 0.3 + rng.normal(0, 0.05, len(steps)), 4) for name in columns[1:]}
    return pd.DataFrame({"step": steps, **values})


def _confirm_history(rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "step": step, "loss": 1.0,
         "val_balanced_accuracy": 0.7 - 0.4 * np.exp(-step / 80) + rng.normal(0, 0.02) if step % 50 == 0 else None}
        for arm in (*BASELINES, *SYNTHETIC) for seed in range(8) for step in range(25, 251, 25)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _screen(paths: Paths, rng: np.random.Generator) -> None:
    arms = [
        "real",
        "classic",
        "oversample",
        *(f"synthetic-{g}-r{r}" for g in ("dcgan", "edm") for r in ("0.5", "1", "2")),
        "duplicate-r1",
    ]
    scores = [{"arm": a, "seed": s, "balanced_accuracy": round(rng.normal(0.7, 0.02), 4)} for a in arms for s in (0, 1)]
    plan = {
        "headline": {"candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy",
                     "margin": 0.02, "level": 0.95},
        "ratio": 0.5,
        "confirm": [*BASELINES, *SYNTHETIC], "declared": "0123456789abcdef" * 4,
        "why": ["classic: strongest non-synthetic arm on validation", "synthetic-edm-r1: best synthetic arm"],
    }  # fmt: skip
    _write(paths.out("screen"), "screen", {"plan.json": plan}, {"scores.csv": pd.DataFrame(scores)})


SENTENCES = {
    "gain": "gain: synthetic-edm-r1 beats classic by +3.1 points of balanced accuracy (95 % CI +1.0 to +5.2, sign-flip "
    "p = 0.008; 8 seeds, 56 test images of 52 patients or groups; conditional on this trained generator)",
    "loss": "loss: synthetic-edm-r1 falls behind classic by 4.0 points (95 % CI -6.1 to -1.9; 8 seeds)",
    "no difference": "no difference: synthetic-edm-r1 and classic differ by less than 2 points (+0.2) (-0.9 to 1.3; 8)",
    "inconclusive": "inconclusive: whether synthetic-edm-r1 beats classic stays open at +1.1 points (95 % CI -2.0 to "
    "+4.2; 8 seeds); the 95 % interval contains 0",
}
_DIFFERENCE = {"gain": 0.031, "loss": -0.040, "no difference": 0.002, "inconclusive": 0.011}
_HALF = {"gain": 0.021, "loss": 0.021, "no difference": 0.011, "inconclusive": 0.031}


LEARNED = {
    "arm": "classic",
    "points": [
        {"share": share, "images": round(96 * share), "groups": round(12 * share), "mean": 0.6 + 0.04 * place,
         "low": 0.56 + 0.04 * place, "high": 0.64 + 0.04 * place}
        for place, share in enumerate((0.25, 0.5, 1.0, 2.0))
    ],
    "equivalents": {
        "synthetic-edm-r1": {
            "images": 96, "observed": [24, 192], "value": 31, "low": -12, "high": 96, "value_bound": "",
            "low_bound": "", "high_bound": "at least",
        },
        "oracle": {"images": 96, "observed": [24, 192], "value": None, "low": None, "high": None,
                   "why": "the learning curve of real images does not rise over the observed sizes"},
    },
}  # fmt: skip


def gains(word: str = "gain") -> dict[str, Any]:
    """The content of ``gains.json``; the last secondary contrast and one AUROC are not estimable."""
    rng = np.random.default_rng(1)
    headline = _contrast(rng, "synthetic-edm-r1", _DIFFERENCE[word], _HALF[word], word)
    secondary = [
        _contrast(rng, "synthetic-dcgan-r0.5", -0.028, 0.02, "loss") | {"p_holm": 0.02},
        _contrast(rng, "oracle", 0.061, 0.025, "gain") | {"p_holm": 0.004},
        _contrast(rng, "duplicate", 0.004, 0.012, "no difference") | {"p_holm": 0.8},
        {"candidate": "oversample", "baseline": "classic", "metric": "balanced_accuracy", "margin": 0.02,
         "word": "inconclusive", "per_seed": [], "why": "one seed failed to finish"}
        | dict.fromkeys(["difference", "low", "high", "p", "p_bootstrap", "p_sign_flip", "p_holm",
                         "minimum_detectable_gain", "bca_low", "bca_high", "p_equivalence"]),
    ]  # fmt: skip
    real = _contrast(rng, "synthetic-edm-r1", 0.09, 0.03, "gain") | {"baseline": "real"}
    arms = {}
    for place, arm in enumerate(("real", *BASELINES, *SYNTHETIC)):
        level = 0.62 + 0.02 * place
        score = {"mean": level, "low": level - 0.03, "high": level + 0.03, "per_seed": [level] * 8}
        auroc = {"mean": None, "low": None, "high": None, "per_seed": [], "why": NO_AUROC} if place == 1 else score
        arms[arm] = {
            "balanced_accuracy": score, "macro_auroc": auroc, "accuracy": score, "macro_f1": score,
            "brier": score,
            "ece": score | {"low": None, "high": None, "null": 0.04, "low_why": "biased upwards"},
            "recall": {label: {"mean": min(1, level + 0.1 * (k - 1)), "low": level + 0.1 * (k - 1) - 0.06,
                               "high": min(1, level + 0.1 * (k - 1) + 0.06)} for k, label in enumerate(CLASSES)},
        }  # fmt: skip
    return {
        "classes": list(CLASSES), "n_test": 56, "n_groups": 52, "seeds": 8,
        "verdict": {"word": word, "sentence": SENTENCES[word], "reasons": ["both tests agree", "8 seeds"]},
        "headline": headline, "secondary": secondary, "not_the_claim": real, "arms": arms,
        "learning_curve": LEARNED,
        "fixed_pairs": {
            "about": "describes one fixed pair of models, not the arms", "candidate": "synthetic-edm-r1",
            "baseline": "classic", "per_seed": [_pair(seed) for seed in range(8)],
        },
    }  # fmt: skip


def _contrast(rng: np.random.Generator, candidate: str, difference: float, half: float, word: str) -> dict[str, Any]:
    per_seed = [round(float(value), 4) for value in difference + rng.normal(0, half / 1.5, 8)]
    return {
        "candidate": candidate, "baseline": "classic", "metric": "balanced_accuracy", "difference": difference,
        "low": difference - half, "high": difference + half, "p_bootstrap": 0.004, "p_sign_flip": 0.0078, "p": 0.0078,
        "bca_low": difference - 1.1 * half, "bca_high": difference + 0.9 * half, "p_equivalence": 0.6,
        "replicates": 9_990, "per_seed": per_seed, "minimum_detectable_gain": 0.027, "word": word, "margin": 0.02,
    }  # fmt: skip


def _pair(seed: int) -> dict[str, Any]:
    """One seed's pair of models; the last one's AUROCs are not estimable."""
    areas = {"difference": 0.0123, "standard_error": 0.006, "p": 0.0456}
    return {
        "seed": seed, "mcnemar": {"candidate_only": 7, "baseline_only": 3, "p_exact": 0.344, "p_mid": 0.227},
        "delong": dict.fromkeys(areas) | {"why": "one image of a class"} if seed == 7 else areas,
    }  # fmt: skip


SMALL = "insufficient n: 4 test patients or groups, 20 needed"
ONE_VALUE = "it has one value among the test images"


def subgroups(difference: float = 0.012) -> dict[str, Any]:
    """The content of ``subgroups.json``: by sex, with a hostile value that is too small; no gap by scanner."""
    men, women = _subgroup("M", 0.02, "holds"), _subgroup("F", difference, "may lose")
    small = _subgroup(HOSTILE, None, "insufficient n")
    gap = {"value": 0.051, "best": "M", "worst": "F", "by_chance": 0.034}
    none = {"value": None, "why": "insufficient n: 1 subgroup with enough patients, a gap needs two"}
    parity = {arm: {"widest_recall_gap": {"class": HOSTILE, "value": 0.08}} for arm in ("classic", "synthetic-edm-r1")}
    change = {"value": 0.021, "low": 0.004, "high": 0.038, "word": "wider"}
    return {
        "candidate": "synthetic-edm-r1", "baseline": "classic", "metric": "balanced_accuracy", "level": 0.95,
        "margin": 0.05, "min_patients": 20, "replicates": 10_000, "word": "may lose",
        "left_out": {"ward": ONE_VALUE},
        "attributes": {
            "sex": {"edges": None, "unknown": {"images": 3, "patients": 1}, "subgroups": [women, men, small],
                    "gaps": {"classic": gap, "synthetic-edm-r1": gap | {"value": 0.072}}, "gap_change": change,
                    "parity": parity},
            f"scanner {HOSTILE}": {
                "edges": [1.5, 3.0], "unknown": {"images": 0, "patients": 0}, "subgroups": [men, small],
                "gaps": {"classic": none, "synthetic-edm-r1": none}, "parity": {},
                "gap_change": none | {"low": None, "high": None, "word": "insufficient n"},
            },
        },
    }  # fmt: skip


def _subgroup(name: str, difference: float | None, word: str) -> dict[str, Any]:
    if difference is None:
        nothing = {"mean": None, "low": None, "high": None, "why": SMALL}
        return {
            "name": name,
            "images": 8,
            "patients": 4,
            "arms": {"classic": nothing, "synthetic-edm-r1": nothing},
            "difference": dict.fromkeys(("value", "low", "high", "p", "p_holm")) | {"word": word, "why": SMALL},
        }
    score = {"mean": 0.61, "low": 0.55, "high": 0.67}
    return {
        "name": name, "images": 120, "patients": 60,
        "arms": {"classic": score, "synthetic-edm-r1": {key: value + difference for key, value in score.items()}},
        "difference": {"value": difference, "low": difference - 0.065, "high": difference + 0.065, "p": 0.2,
                       "p_holm": 0.4, "word": word},
    }  # fmt: skip

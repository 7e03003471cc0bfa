"""Train one generator on the train split, and keep the moving average of its weights."""

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthgain import artifact, compute, dataset
from synthgain.artifact import replace_bytes
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.errors import SynthgainError
from synthgain.generators import contract, store
from synthgain.paths import Paths
from synthgain.poisson import PoissonSplit
from synthgain.privacy.canaries import canaries
from synthgain.seeding import derive
from synthgain.train_split import TrainSplit

STAGE = "train_generator"
_CODE = ("training.py", "train_split.py", "poisson.py", "checkpoints.py", "compute.py", "dataset.py", "seeding.py",
         "generators/**/*.py")  # fmt: skip
"""What a training is computed with."""
_ASKED = "asked.json"
_SECRET = "secret"
"""File with what noise and sampling of a differentially private training come from, while it is unfinished."""


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Write generator ``item``: weights, configuration and, where anything was trained, the learning curve."""
    if item is None:
        raise SynthgainError(f"stage {STAGE}: name a generator: {', '.join(cfg.weights)}")
    if item not in cfg.weights:
        raise SynthgainError(f"stage {STAGE}: '{item}' has no weights of its own, but those of another generator")
    real, chosen = dataset.read(paths.out("ingest")), cfg.generators[item]
    about_canaries = cfg.privacy.model_dump(mode="json", include={"canaries", "canary_repeats"})
    planted = {} if chosen.training is None else about_canaries
    asked, seed = store.trained_part(chosen) | {"privacy": planted}, derive(cfg.seed, STAGE, item)
    code = artifact.code(*_CODE)
    inputs = {"ingest": real.sha256, "validate": artifact.read(paths.out("validate")).sha256}
    target, work = paths.out(STAGE, item), paths.work(f"{STAGE}/{item}", artifact.digest([asked, inputs, seed, code]))
    finished = work / "finished"
    if finished.is_dir():
        artifact.copy(finished, target)
    else:
        _note(work, {"settings": asked, "data": inputs, "code": code}, item)
        generator, history, guarantee = _trained(cfg, real, item, seed, work)
        with artifact.writing(target, stage=STAGE, config=asked, inputs=inputs, seeds={item: seed}) as draft:
            store.save(draft.path, generator, chosen, _facts(cfg, real))
            draft.counts["images"] = len(real.rows("train"))
            draft.counts["canaries"] = planted.get("canaries", 0)
            if guarantee is not None:
                draft.facts["differential_privacy"] = guarantee
            if history is not None:
                history.to_csv(draft.path / "history.csv", index=False, float_format="%.6g")
        (work / _SECRET).unlink(missing_ok=True)
    if paths.cell == cfg.cells[-1]:
        shutil.rmtree(work.parent)
    elif not finished.is_dir():  # a run that is killed in a later cell need not train this one again
        artifact.copy(target, finished)


def _trained(
    cfg: Config, real: ImageSet, item: str, seed: int, work: Path
) -> tuple[contract.Generator, pd.DataFrame | None, dict[str, Any] | None]:
    """The generator, its learning curve, and what differential privacy guarantees."""
    on, chosen = compute.device(cfg.compute), cfg.generators[item]
    split = TrainSplit(real.images, real.rows("train"), real.labels, seed)
    torch.manual_seed(derive(seed, "initial weights"))
    generator = store.build(chosen, _facts(cfg, real))
    if chosen.training is None or chosen.training.privacy is None:
        generator.observe(split.once())
    if chosen.training is None:
        return generator, None, None
    from synthgain import training
    from synthgain.generators import private

    split, asked, guarantee = _with_canaries(cfg, split, seed), chosen.training, None
    if asked.privacy is not None:
        private.refuse_unfit(generator, item)
        if cfg.privacy.canaries:
            raise SynthgainError(
                f"privacy.canaries={cfg.privacy.canaries}: a canary holds half of a patient's image, which the "
                f"differential privacy of generators.{item} would not account for; ask for one of both"
            )
        seed = _secret(work / _SECRET)
        split = _sampled_by_poisson(real, split, asked.privacy.unit, seed)
        _, per_patient = np.unique(real.table["group"].to_numpy(str)[real.rows("train")], return_counts=True)
        guarantee = private.accounted(asked, len(split.starts)) | {"most_per_patient": int(per_patient.max())}
        noise = {"epsilon": None, "noise_multiplier": guarantee["noise_multiplier"]}
        asked = asked.model_copy(update={"privacy": asked.privacy.model_copy(update=noise)})
    trained = training.train(generator, split, asked, seed=seed, on=on, work=work, name=item)
    return trained.result, trained.history(), guarantee


def _sampled_by_poisson(real: ImageSet, split: TrainSplit, unit: str, seed: int) -> PoissonSplit:
    """``split`` by images, or by the patients (groups) of its images."""
    groups = real.table["group"].to_numpy(str)[real.rows("train")]
    units = np.unique(groups, return_inverse=True)[1] if unit == "patient" else np.arange(len(split))
    return PoissonSplit(split, units, seed)


def _secret(place: Path) -> int:
    """A random number that only ``place`` knows: another one in every training, the same after a crash."""
    if not place.is_file():
        replace_bytes(place, str(secrets.randbits(63)).encode())
    return int(place.read_text())


def _with_canaries(cfg: Config, split: TrainSplit, seed: int) -> TrainSplit:
    """The train split with canaries among its images, where they are asked for; it is then held in memory."""
    if not cfg.privacy.canaries:
        return split
    images = np.asarray(split.images[split.rows])
    marked, labels = canaries(images, split.labels, cfg.privacy.canaries, seed)
    images = np.concatenate([images, *[marked] * cfg.privacy.canary_repeats])
    labels = np.concatenate([split.labels, *[labels] * cfg.privacy.canary_repeats])
    return type(split)(images, np.arange(len(images)), labels, split.seed)


def _facts(cfg: Config, real: ImageSet) -> contract.Facts:
    return contract.Facts(real.shape[0], real.shape[1], real.classes, cfg.dataset.source)


def _note(work: Path, asked: dict[str, Any], name: str) -> None:
    """Note in ``work`` what it is for; say so where unfinished work was for something else and is not gone on with."""
    for other in sorted(work.parent.glob(f"*/{_ASKED}")):
        changed = _differences(json.loads(other.read_text()), asked)
        if changed:
            print(f"{name}: unfinished training is not gone on with, it had another {', '.join(changed)}", flush=True)
    replace_bytes(work / _ASKED, artifact.canonical(asked))


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    """The keys whose values differ, with both values where they are short."""
    if isinstance(before, dict) and isinstance(now, dict):
        within = {key: f"{where}.{key}".strip(".") for key in sorted(before.keys() | now.keys())}
        return [each for key in within for each in _differences(before.get(key), now.get(key), within[key])]
    if before == now:
        return []
    values = f"{json.dumps(before)} -> {json.dumps(now)}"
    return [f"{where} ({values})" if len(values) < 40 else where]

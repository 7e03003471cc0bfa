"""Train one generator on the train split, and keep the moving average of its weights."""

import shutil
from pathlib import Path

import torch

from synthgain import artifact, compute, dataset
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.generators import contract, store
from synthgain.paths import Paths
from synthgain.seeding import derive

STAGE = "train_generator"


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Write generator ``item``: weights, configuration and, where anything was trained, the learning curve."""
    from synthgain import training

    if item is None:
        raise SynthgainError(f"stage {STAGE}: name a generator: {', '.join(cfg.generators)}")
    real, chosen = dataset.read(paths.out("ingest")), cfg.generators[item]
    on, seed = compute.device(cfg.compute), derive(cfg.seed, STAGE, item)
    facts = contract.Facts(real.shape[0], real.shape[1], real.classes, cfg.dataset.source)
    asked = store.trained_part(chosen)
    inputs = {"ingest": real.sha256, "validate": artifact.read(paths.out("validate")).sha256}
    split = training.TrainSplit(real.images, real.rows("train"), real.labels, seed)

    torch.manual_seed(derive(seed, "initial weights"))
    generator = store.build(chosen, facts)
    generator.observe(split.once())
    history, work = None, paths.work(STAGE, artifact.digest([asked, inputs, seed, _code()]))
    if chosen.training is not None:
        trained = training.train(generator, split, chosen.training, seed=seed, on=on, work=work, name=item)
        generator, history = trained.result, trained.history()

    target, seeds = paths.out(STAGE, item), {item: seed}
    with artifact.writing(target, stage=STAGE, config=asked, inputs=inputs, seeds=seeds) as draft:
        store.save(draft.path, generator, chosen, facts)
        draft.counts["images"] = len(split)
        if history is not None:
            history.to_csv(draft.path / "history.csv", index=False, float_format="%.6g")
    shutil.rmtree(work)


def _code() -> dict[str, str]:
    """What unfinished work was computed with: another version of the code must not resume it."""
    package = Path(contract.__file__).parent
    files = [package.parent / "training.py", package.parent / "checkpoints.py", *sorted(package.glob("*.py"))]
    return {path.name: artifact.file_sha256(path) for path in files}

"""Draw a generator's pool of images, and say which of them the selection keeps."""

import shutil
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgain import artifact, compute, dataset
from synthgain.classifiers import encoder
from synthgain.config import Config
from synthgain.dataset import ImageSet, ImageWriter
from synthgain.errors import SynthgainError
from synthgain.generators import store
from synthgain.paths import Paths
from synthgain.synthesis import sampling, selection

STAGE = "synthesize"
_BATCH = 256
_CODE = ("synthesis/sampling.py", "generators/**/*.py", "sources/*.py")
"""What shards are drawn with."""


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Write the whole pool of generator ``item`` as an image set, each image with the filter's verdict.

    The images of a collapsed generator are kept to be looked at, marked as unused; ``facts.collapsed`` says why.
    """
    if item is None:
        raise SynthgainError(f"stage {STAGE}: name a generator: {', '.join(cfg.generators)}")
    real = dataset.read(paths.out("ingest"))
    trained, encoded = store.read(cfg, paths, item), artifact.read(paths.out("encode"))
    generator = store.load(trained, cfg.generators[item]).to(compute.device(cfg.compute))
    needed = int(np.ceil(round(max(cfg.arms.ratios) * len(real.rows("train")), 6)))
    oversample = 1.0 if generator.control else cfg.synthesis.oversample
    labels = sampling.pool_labels(needed, oversample, len(real.classes))
    asked = {
        "generator": cfg.generators[item].model_dump(mode="json"), "seed": cfg.seed,
        "synthesis": cfg.synthesis.model_dump(mode="json"), "ratios": list(cfg.arms.ratios),
    }  # fmt: skip
    inputs = {"ingest": real.sha256, "encode": encoded.sha256, "train_generator": trained.sha256}
    work = paths.work(STAGE, artifact.digest([asked, inputs, item, artifact.code(*_CODE)]))
    judge = selection.Filter.fit(encoder.load(encoded), real, cfg.synthesis)
    shards = sampling.draw(generator, labels, seed=cfg.seed, name=item, shard=cfg.synthesis.shard, work=work)

    target, seeds = paths.out(STAGE, item), {item: cfg.seed}
    with artifact.writing(target, stage=STAGE, config=asked, inputs=inputs, seeds=seeds) as draft:
        with ImageWriter(draft.path / dataset.IMAGES, real.shape) as writer:
            judged, collapsed = _judged(shards, labels, writer, judge, real, item, cfg.synthesis.collapsed_below)
        if generator.control:
            judged = judged.assign(kept=True, reason="")
        table = _table(labels, judged, real.classes, item, cfg.seed)
        if collapsed is not None:
            print(f"WARNING: {collapsed}", flush=True)
            table = table.assign(kept=False, reason="collapsed", split="unused")
            draft.facts["collapsed"] = collapsed
        dataset.finish(draft, table, real.classes)
        facts = selection.summary(table, needed, judge, filtered=not generator.control, collapsed=collapsed is not None)
        (draft.path / "selection.json").write_bytes(artifact.canonical(facts))
        draft.counts["kept"] = facts["all"]["kept"]
        draft.facts["enough"] = facts["enough"]
    shutil.rmtree(work)


def _judged(
    shards: Iterator[sampling.Images], labels: npt.NDArray[np.int64], writer: ImageWriter, judge: selection.Filter,
    real: ImageSet, name: str, collapsed_below: float,
) -> tuple[pd.DataFrame, str | None]:  # fmt: skip
    """Write the shards and judge their images; and why the generator has collapsed, if it has."""
    verdicts, drawn, known = [], sampling.Variation(len(real.classes)), sampling.Variation(len(real.classes))
    for images in shards:
        chosen = labels[writer.count : writer.count + len(images)]
        writer.append(images)
        drawn.add(images, chosen)
        verdicts.append(judge.judge(images, chosen))
    rows, classes = real.rows("train"), real.labels
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        known.add(real.images[batch], classes[batch])
    collapsed = sampling.collapse(drawn, known, real.classes, name, collapsed_below)
    return pd.concat(verdicts, ignore_index=True), collapsed


def _table(
    labels: npt.NDArray[np.int64], judged: pd.DataFrame, classes: tuple[str, ...], name: str, seed: int
) -> pd.DataFrame:
    numbers = range(len(labels))
    about = {
        "image_id": [f"{name}-{i:06d}" for i in numbers], "label": [classes[label] for label in labels],
        "patient_id": "", "group": [f"synthetic-{name}-{i}" for i in numbers], "split": "train", "source": name,
        "origin": [f"{name}:{seed}:{i}" for i in numbers],
    }  # fmt: skip
    return pd.concat([pd.DataFrame(about), judged], axis=1)

"""Train the project's own encoder: the classifier on real images, for filters and distances."""

import numpy as np
import pandas as pd

from synthgain import artifact, dataset
from synthgain.arms.arm import parse
from synthgain.arms.trial import train
from synthgain.classifiers import encoder
from synthgain.compute import device
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.privacy import copies
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/encode``: `encoder.load` reads it; ``history.csv`` is its learning curve.

    Beside it the audit's copy detector (`copies.load`), which learns from the same images alone.
    """
    images = dataset.read(paths.out("ingest"))
    checked = artifact.read(paths.out("validate"))
    seed = derive(cfg.seed, "encode")
    network, looks = train(
        parse("classic"), images, None, cfg.classifier, cfg.arms.augmentation, seed=seed, on=device(cfg.compute)
    )
    settings = {"classifier": cfg.classifier, "augmentation": cfg.arms.augmentation}
    with artifact.writing(
        paths.out("encode"), stage="encode",
        config={name: value.model_dump(mode="json") for name, value in settings.items()},
        inputs={"ingest": images.sha256, "validate": checked.sha256}, seeds={"encode": seed},
    ) as draft:  # fmt: skip
        encoder.save(draft.path, network, cfg.classifier, images)
        pd.DataFrame(looks).to_csv(draft.path / "history.csv", index=False)
        rows = images.rows("train")
        if len(rows) > 1:
            steps = cfg.privacy.detector_steps
            detector = copies.fit(np.asarray(images.images[rows]), derive(cfg.seed, "copy detector"), steps)
            copies.save(detector, draft.path / copies.FILE)
        draft.counts.update(train=len(images.rows("train")), val=len(images.rows("val")))

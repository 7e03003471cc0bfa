"""Train the project's own encoder: the classifier on real images, for filters and distances."""

import pandas as pd

from synthgain import artifact, dataset
from synthgain.arms.arm import parse
from synthgain.arms.trial import train
from synthgain.classifiers import encoder
from synthgain.compute import device
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.seeding import derive


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/encode``: `encoder.load` reads it; ``history.csv`` is its learning curve."""
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
        draft.counts.update(train=len(images.rows("train")), val=len(images.rows("val")))

"""The encode stage: the project's own encoder."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from synthgain import artifact, dataset
from synthgain.classifiers import encoder
from synthgain.stages import encode


def test_it_gives_an_encoder_of_the_train_split_twice_the_same(bars: ModuleType, tmp_path: Path) -> None:
    training = {"steps": 60, "batch_size": 16, "validate_every": 20}
    cfg = bars.experiment(classifier={"kind": "cnn", "channels": [4, 8], "training": training})
    paths = bars.build(tmp_path, cfg)
    identities = []
    for _ in range(2):
        encode.run(cfg, paths)
        identities.append(artifact.read(paths.out("encode")).sha256)
    assert identities[0] == identities[1]

    found = artifact.read(paths.out("encode"))
    loaded = encoder.load(found)
    images = dataset.read(paths.out("ingest"))
    val = images.rows("val")
    assert loaded.dim == 16
    assert loaded.features(images.images[val]).shape == (len(val), 16)
    assert (loaded.probabilities(images.images[val]).argmax(1) == images.labels[val]).mean() > 0.6
    history = pd.read_csv(found.file("history.csv"))
    assert history["step"].tolist() == [20, 40, 60]
    assert np.isfinite(history.to_numpy()).all()
    assert set(found.manifest["inputs"]) == {"ingest", "validate"}

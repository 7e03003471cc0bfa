"""All tests of privacy on one generator's images."""

from collections.abc import Sequence
from typing import Any

from synthgain.dataset import Images
from synthgain.privacy.authenticity import authenticity
from synthgain.privacy.conclusion import conclusion
from synthgain.privacy.copies import CopyDetector, copied
from synthgain.privacy.memorisation import Pairs, duplicates, pair
from synthgain.privacy.nearness import nearer_to_train
from synthgain.privacy.neighbours import Vectors, pixels
from synthgain.privacy.planted import plant
from synthgain.seeding import derive, rng

_FEATURE_NOTE = (
    "descriptive only: the encoder learned from the training images, so more than 50 % is expected of fresh images too"
)


def assess(
    synthetic: Images,
    train: Images,
    held_out: Images,
    features: tuple[Vectors, Vectors, Vectors],
    membership: dict[str, Any],
    classes: Sequence[str],
    threshold: float,
    seed: int,
    detector: CopyDetector | None,
    guarantee: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], Pairs]:
    """The record ``privacy.json`` and the nearest training image of each synthetic one.

    Parameters
    ----------
    features: of the encoder, ``(N, F)`` for synthetic, train and held-out images.
    membership: record of `membership.generator_attack`.
    threshold: RMS difference in grey levels below which two images are near-duplicates.
    detector: trained on the training images; None where there were too few.
    guarantee: of differentially private training, as in the generator's artifact.
    """
    planted = plant(train.pixels, derive(seed, "planted"))
    pairs = pair(synthetic, train)
    vectors = pixels(synthetic.pixels), pixels(train.pixels), pixels(held_out.pixels)
    three = synthetic, train, held_out
    near = duplicates(pairs, *three, threshold, planted, classes)
    nearer = nearer_to_train(*three, vectors, classes, rng(seed, "nearer"))
    described = nearer_to_train(*three, features, classes, rng(seed, "nearer in features"), assignments=0)
    learned = copied(*three, planted, classes, detector)
    return {
        **conclusion(near, learned, nearer, membership, guarantee),
        "n_synthetic": len(synthetic.labels), "duplicates": near,
        "nearer_to_train": {"pixels": nearer, "features": described | {"note": _FEATURE_NOTE}},
        "authenticity": {
            "pixels": authenticity(*three, vectors, classes), "features": authenticity(*three, features, classes),
        },
        "copy_detector": learned, "membership": membership,
        "differential_privacy": guarantee,
    }, pairs  # fmt: skip

"""What is compared, and how it is judged: arms, screening, learning curve, claim, evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from synthgain.schema.strict import Positive, Strict
from synthgain.schema.training import Augmentation


class Arms(Strict):
    baselines: tuple[Literal["real", "classic", "oversample", "weighted", "mixup", "duplicate"], ...] = (
        "real", "classic", "oversample", "duplicate",
    )  # fmt: skip
    """Non-synthetic arms; the strongest on validation is what synthetic images must beat."""
    always: tuple[str, ...] = ("classic", "oversample", "duplicate", "oracle")
    """Arms that are confirmed whatever the screening says; so are, after them, the controls of this experiment."""
    ratios: tuple[Annotated[float, Field(gt=0)], ...] = (1.0, 2.0)
    """Synthetic images per real image in a batch, screened for every generator."""
    filtered: tuple[bool, ...] = (True,)
    """Screen synthetic sets after the filter (true), before it (false), or both."""
    whole: tuple[Literal["pretrain", "synthetic-only"], ...] = ()
    """Screen every generator's whole set as pre-training, and (never chosen) alone."""
    most: Annotated[int, Field(ge=2, le=6)] = 6
    """Most arms that are confirmed."""
    augmentation: Augmentation = Augmentation()


Span = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Tuning(Strict):
    """Settings that every screened arm tries, the same for all: the classifier's own first, then random ones.

    A random one multiplies each value by a factor from its span, on a logarithmic scale.
    """

    trials: Positive = 1
    """Settings per arm; 1: only the classifier's own."""
    learning_rate: Span = (0.3, 3.0)
    weight_decay: Span = (0.1, 10.0)
    augmentation: Span = (0.5, 1.5)
    """Of the strength of every classical augmentation."""


class Curve(Strict):
    """Learning curve of the strongest arm without synthetic images, to tell how many labels these are worth."""

    seeds: Annotated[int, Field(ge=0)] = 4
    """Seeds per point, the first of the confirmation's; 0: no curve. With few of them its limits are wide."""
    shares: tuple[Annotated[float, Field(gt=0)], ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    """Labelled training images at each point, as multiples of what the arms have; above 1 where unused ones exist."""


class Screening(Strict):
    seeds: Positive = 2
    """Seeds of its own; the confirmation uses fresh ones."""
    guidance: tuple[Annotated[float, Field(ge=0)], ...] = ()
    """Strengths, besides its own, at which every generator that can be guided is drawn from and screened."""
    tuning: Tuning = Tuning()


class Claim(Strict):
    metric: Literal["balanced_accuracy", "macro_auroc"] = "balanced_accuracy"
    """The measure that the headline contrast is about."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Equivalence margin: differences inside it do not matter."""
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of every interval."""


QUICK_LOOK = 50
"""Fewer test patients or groups than this in a single split, not in a cross-validation, carry no claim."""


class Evaluation(Strict):
    replicates: Annotated[int, Field(ge=200)] = 10_000
    """Bootstrap replicates."""
    min_seeds: Annotated[int, Field(ge=2)] = 6
    """Fewer confirmation seeds than this give the verdict 'inconclusive'."""
    min_groups: Annotated[int, Field(ge=2)] = 20
    """Fewer test patients (or groups) than this give the verdict 'inconclusive'."""

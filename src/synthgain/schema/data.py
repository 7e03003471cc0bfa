"""What is learnt from: sources, their images, the split."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator

from synthgain.schema.strict import Name, Positive, Share, Strict


class SourceConfig(Strict):
    """Base of every source's ``Config``."""

    kind: str
    """File name in ``sources/``."""


class Image(Strict):
    size: Annotated[int, Field(ge=16, le=1024)] = 32
    """Side in pixels; images are padded to a square and resampled with antialiasing."""
    channels: Literal[1, 3] = 1
    """1: grey (colour becomes luminance); 3: RGB."""


class Split(Strict):
    column: str | None = None
    """Attribute that fixes the split, such as ``split`` or ``fold``; rows without it are assigned by `fractions`."""
    train: tuple[str, ...] | None = None
    """Values of `column` that mean train; none given: ``train`` and ``training`` where the column is ``split``, of
    another column (such as ``fold``) every value not named below."""
    val: tuple[str, ...] = ("val", "valid", "validation")
    """Values of `column` that mean validation."""
    test: tuple[str, ...] = ("test", "testing")
    """Values of `column` that mean test (compared without regard to case)."""
    fractions: tuple[Share, Share] = (0.15, 0.25)
    """Shares of validation and test, by group and stratified by label, where no column says."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Patient-grouped cross-validation: each fold tests once, the next one validates, all else is nested within."""


class Budget(Strict):
    train: Positive
    """Labelled training images; the rest of the train split is used by nothing but the learning curve beyond them."""
    val: Positive
    """Labelled validation images."""


class Dataset(Strict):
    name: Name
    """Names the data in MLflow, in the report and under ``data/raw``."""
    source: SerializeAsAny[SourceConfig]
    path: str | None = None
    """Folder or file with the user's images; none for the embedded phantom."""
    raw: str = ""
    """Where DVC keeps the raw data, relative to the workspace; filled in by ``synthgain``."""
    classes: tuple[str, ...] | None = None
    """Labels to use, in this order; default: all, sorted."""
    group_by: str | None = None
    """Attribute that stands for the patient in splitting and intervals where patients are unknown; default: ``group``,
    where there is such a column."""
    image: Image = Image()
    split: Split = Split()
    budget: Budget | None = None
    """Scarce labels: how many labelled images exist for everything, generator included."""
    labels: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0,)
    """Shares of the labelled train and validation patients: a nested study for each, the claim is about the first."""
    on_leak: Literal["stop", "regroup", "allow"] = "stop"
    """A patient or near-duplicate on both sides of the split: stop, make a clean split, or (as a warning) allow."""
    near_duplicate_rms: Annotated[float, Field(ge=0)] = 2.5
    """Two images are near-duplicates below this RMS difference in grey levels (of 255) at 64 by 64 pixels, also where
    one has to be mirrored or turned by quarters."""
    min_per_class: Positive = 5
    """Fewest images of a class in each split; fewer is 'insufficient data'."""
    max_pixels: Positive = 100_000_000
    """Larger images are quarantined unread."""

    @field_validator("classes", "labels")
    @classmethod
    def _none_twice(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if values is not None and len(set(values)) < len(values):
            raise ValueError("a value stands twice")
        return values

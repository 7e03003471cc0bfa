"""The sections of an experiment, typed: frozen, without unknown keys, documented by the docstring under each field."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME)]
SECRET = "secret"
"""Type of the errors whose input must not be shown."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _as_given(cls, given: Any, typed: ValidatorFunctionWrapHandler) -> Any:
        """Refuse what would be converted without a word: ``true`` to 1, ``"1e-4"`` to 0.0001, 8.0 to 8."""
        value = typed(given)
        if wanted := _converted(given, value):
            raise PydanticCustomError("converted", "Input should be {wanted}", {"wanted": wanted})
        return value


def _converted(given: Any, value: Any) -> str | None:
    """What should have been given for ``value``, where it was something else that was taken for it."""
    if isinstance(value, bool):
        return None if isinstance(given, bool) else "true or false"
    if isinstance(value, int):
        return "a whole number" if isinstance(given, bool | float | str) else None
    if isinstance(value, float):
        return "a number (text is also 1e-4 in YAML, 1.0e-4 is not)" if isinstance(given, bool | str) else None
    if isinstance(value, tuple) and isinstance(given, list | tuple):
        return next(filter(None, map(_converted, given, value)), None)
    return None


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
    """Labelled training images; the rest of the train split is used by nothing."""
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
    """Attribute that stands for the patient in splitting and intervals where patients are unknown."""
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


class DP(Strict):
    """Differentially private training; give the noise or the epsilon that it shall reach."""

    epsilon: Annotated[float, Field(gt=0)] | None = None
    """Most that one unit may change the odds of any outcome, as a logarithm; the noise is chosen to reach it."""
    noise_multiplier: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of the noise on the sum of gradients, in units of `max_grad_norm`."""
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Probability with which the bound may fail, below one over the number of units; default: a tenth of that."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Norm to which the gradient of each unit is clipped."""
    unit: Literal["image", "patient"] = "image"
    """Whom the guarantee protects; with patients, a step sees one image, drawn at random, of each sampled patient."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "DP":
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ValueError("give either epsilon or noise_multiplier")
        return self


class GeneratorTraining(Strict):
    steps: Positive = 1000
    batch_size: Positive = 64
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.995
    """Decay of the moving average of the weights that is used for sampling."""
    checkpoint_every: Positive = 200
    """Steps between resumable checkpoints."""
    compile: bool = False
    """Compile the networks where there is a GPU: faster steps after a minute or so; the last bits may differ."""
    privacy: DP | None = None
    """Train with differential privacy: slower and worse images, with a guarantee that no audit can give."""


class GeneratorConfig(Strict):
    """Base of every generator's ``Config``; families add ``model`` (trained) and ``sampling`` (not retrained)."""

    kind: str
    """File name in ``generators/``."""
    training: GeneratorTraining | None = None
    """None for the controls, which learn nothing by gradient."""
    model: Strict | None = None
    """The network and its losses; a change trains it again."""
    sampling: Strict | None = None
    """How images are drawn; a change only draws them again."""
    weights: Name | None = None
    """Draw from the weights of the generator of this name, with other `sampling`; default: from its own."""
    repeats: Name | None = None
    """Filled in by ``generator_seeds: paired``: the generator that this is a further training of."""


class Synthesis(Strict):
    shard: Positive = 100
    """Images per resumable shard."""
    confidence: Share = 0.2
    """The filter drops an image to whose intended class the encoder gives a smaller probability than this."""
    similarity_quantile: Share = 0.02
    """The filter drops an image whose feature similarity to its class lies below this quantile of real images'."""
    collapsed_below: Share = 0.05
    """A generator has collapsed where a class of its images varies less than this share of what the real ones do."""
    oversample: Annotated[float, Field(ge=1)] = 1.5
    """Images drawn per image needed, so that the filter may reject some."""


class ClassifierTraining(Strict):
    steps: Positive = 250
    """Optimisation steps, equal in every arm."""
    batch_size: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    validate_every: Positive = 50
    """Steps between looks at the validation split; the best look (balanced accuracy, then log loss) is kept."""


class ClassifierConfig(Strict):
    """Base of every classifier's ``Config``."""

    kind: str
    """File name in ``classifiers/``."""
    training: ClassifierTraining = ClassifierTraining()


class Augmentation(Strict):
    flip: bool = True
    """Mirror left and right."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 10.0
    """Largest rotation in degrees."""
    translate: Share = 0.06
    """Largest shift as a share of the side."""
    scale: Share = 0.1
    """Largest relative zoom."""
    intensity: Share = 0.15
    """Largest relative change of contrast and of brightness."""


class Arms(Strict):
    baselines: tuple[Literal["real", "classic", "oversample", "weighted", "mixup", "duplicate"], ...] = (
        "real", "classic", "oversample", "duplicate",
    )  # fmt: skip
    """Non-synthetic arms; the strongest on validation is what synthetic images must beat."""
    always: tuple[str, ...] = ("classic", "oversample", "duplicate", "oracle")
    """Arms that are confirmed whatever the screening says."""
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


class Extractor(Strict):
    """A network that turns images into features for the fidelity measures: an ONNX file in one piece."""

    file: str
    """Where it is, relative to the workspace or absolute; never downloaded, never logged."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the file: names the extractor in every result; another file is refused."""
    size: Annotated[int, Field(ge=16, le=1024)] = 224
    """Side in pixels to which images are resampled for it."""
    channels: Literal[1, 3] = 3
    """1: grey; 3: RGB, grey images repeated."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """Of each channel, grey levels from 0 to 1; the default is ImageNet's."""
    std: tuple[Annotated[float, Field(gt=0)], ...] = (0.229, 0.224, 0.225)
    """Of each channel; the default is ImageNet's."""

    @model_validator(mode="after")
    def _a_value_per_channel(self) -> "Extractor":
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} values each, one per channel")
        return self


class Fidelity(Strict):
    extractors: dict[Name, Extractor] = {}
    """Feature extractors by name, beside the project's own ``encoder``."""

    @field_validator("extractors")
    @classmethod
    def _the_encoder_is_taken(cls, extractors: dict[str, Extractor]) -> dict[str, Extractor]:
        if "encoder" in extractors:
            raise ValueError("'encoder' is the project's own; choose another name")
        return extractors

    def shown(self) -> dict[str, Any]:
        """As plain values for records, without where on this machine the user keeps the files."""
        return {
            "extractors": {
                name: each.model_dump(mode="json", exclude={"file"}) for name, each in self.extractors.items()
            }
        }


class Fairness(Strict):
    attributes: tuple[str, ...] | None = None
    """Columns of the data whose subgroups are compared; default: every one with 2 to 8 values, and numeric ones."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """A subgroup may lose this much of the claimed measure before a release is refused."""
    min_patients: Annotated[int, Field(ge=2)] = 20
    """Subgroups with fewer test patients (or groups) than this are 'insufficient n'."""


class Privacy(Strict):
    detector_steps: Positive = 300
    """Training steps of the copy detector."""
    canaries: Annotated[int, Field(ge=0, le=1000)] = 0
    """Marked images that are planted among each generator's training images, to measure what it remembers; none by
    default, because they show in what it draws. Classifiers never see them."""
    canary_repeats: Positive = 1
    """How often each of them occurs in the training."""


class Explain(Strict):
    """Where the headline's two classifiers look, and what the generators' inputs do."""

    images: Annotated[int, Field(ge=0, le=8)] = 4
    """Test images of each class whose maps are shown, each of another patient where there are enough; 0: none."""
    measured: Positive = 16
    """Test images with a lesion, of each class, on which it is measured whether the maps find the lesion."""
    methods: Annotated[tuple[Literal["grad_cam", "occlusion", "integrated_gradients"], ...], Field(min_length=1)] = (
        "grad_cam", "occlusion", "integrated_gradients",
    )  # fmt: skip


_PASSWORD = re.compile(r"^[^:/]+://[^:/@]*:[^@]+@|[?&](password|passwd|pwd|token)=", re.IGNORECASE)
"""In the address of a store: ``scheme://user:password@host``, or as a parameter."""


class Tracking(Strict):
    uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow tracking store, relative to the workspace; without a password, which the environment can hold."""
    models: bool = True
    """Log the headline classifiers as MLflow models with signature."""

    @field_validator("uri")
    @classmethod
    def _no_password(cls, uri: str) -> str:
        if _PASSWORD.search(uri):
            raise PydanticCustomError(
                SECRET,
                "holds a password, which would be written to params.yaml; give it in the environment, for an MLflow "
                "server as MLFLOW_TRACKING_PASSWORD, for PostgreSQL as PGPASSWORD",
            )
        return uri


class Compute(Strict):
    """How to compute, never what: nothing here enters a hash, except that threads may change the last bits."""

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    threads: Positive = 1
    """CPU threads per process; fixed, because the order of sums depends on it."""
    workers: Positive = 2
    """Processes that train classifiers or decode images side by side, and stages that run side by side."""

"""What is trained, and how: generators, their synthetic sets, classifiers."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthgain.schema.strict import Name, Positive, Share, Strict


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
    steps: Positive = 200
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

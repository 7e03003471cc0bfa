"""Settings of the diffusion model in `models.edm`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from synthgain.schema import GeneratorConfig, GeneratorTraining, Positive, Share, Strict

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.edm import EDM

SECONDS_PER_IMAGE = 7e-03
"""Of training on one CPU thread (AMD EPYC with AVX2) at 32 x 32 pixels and the sizes of ``conf/``, for the plan."""
SECONDS_PER_DRAWN = 3.4e-02
"""The same for drawing an image."""


class Model(Strict):
    patch: Positive = 2
    """Side in pixels of the squares that the network sees as one position."""
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = (32, 64, 96)
    """Feature maps of each level, from the finest; a level halves the grid."""
    blocks: Positive = 1
    """Residual blocks per level, each way."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    label_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of training images whose class is hidden, for classifier-free guidance."""
    augment: Share = 0.1
    """Probability of each non-leaking geometric change."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """After a warm-up over the first hundredth of the steps; falls along a cosine."""
    noise_mean: float = -1.2
    """Mean of the logarithm of the noise levels trained on."""
    noise_deviation: Annotated[float, Field(gt=0)] = 1.2
    """Standard deviation of the same."""


class Sampling(Strict):
    solver: Literal["heun", "dpm"] = "heun"
    """Heun's method, or DPM-Solver++ (2M), which asks the network once a step and needs some more steps."""
    steps: Annotated[int, Field(ge=2)] = 14
    """Noise levels; Heun's method asks the network twice at each."""
    guidance: Annotated[float, Field(ge=0)] = 1.0
    """1: the conditional model as it is; more: images more typical of their class, and less diverse."""
    guidance_interval: tuple[float, float] = (0.2, 5.0)
    """Noise levels, lowest and highest, between which `guidance` acts."""
    smallest: Annotated[float, Field(gt=0)] = 0.01
    """Last noise level before 0."""
    largest: Annotated[float, Field(gt=0)] = 40.0
    """First noise level."""
    rho: Annotated[float, Field(gt=0)] = 7.0
    """Crowds the levels towards the small ones."""


class Config(GeneratorConfig):
    kind: Literal["edm"] = "edm"
    training: GeneratorTraining = GeneratorTraining()
    model: Model = Model()
    sampling: Sampling = Sampling()


def build(cfg: Config, facts: "Facts") -> "EDM":
    """The model for images of ``facts``' shape, untrained."""
    from synthgain.generators.models.edm import EDM

    return EDM(cfg, facts)

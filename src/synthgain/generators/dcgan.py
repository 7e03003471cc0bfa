"""Settings of the DCGAN in `models.dcgan`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from synthgain.schema import GeneratorConfig, GeneratorTraining, Positive, Strict

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.dcgan import DCGAN

SECONDS_PER_IMAGE = 3.5e-03
"""Of training on one CPU thread (AMD EPYC with AVX2) at 32 x 32 pixels and the sizes of ``conf/``, for the plan."""
SECONDS_PER_DRAWN = 1e-03
"""The same for drawing an image."""


class Model(Strict):
    width: Positive = 32
    """Feature maps at the finest level; each coarser level has twice as many, up to eight times."""
    latent: Positive = 64
    """Dimensions of the noise."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    """Of the generator."""
    discriminator_learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    norm: Literal["batch", "spectral"] = "batch"
    """Of the discriminator: batch normalisation as in the paper, or spectral (Miyato et al., ICLR 2018)."""
    augment: Annotated[str, Field(pattern=r"^((color|translation|cutout)(,(color|translation|cutout))*)?$")] = (
        "color,translation"
    )
    """DiffAugment policy (Zhao et al., NeurIPS 2020): color, translation, cutout, separated by commas."""
    r1: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the gradient penalty R1 (Mescheder et al., ICML 2018); 0 for none."""


class Config(GeneratorConfig):
    kind: Literal["dcgan"] = "dcgan"
    training: GeneratorTraining = GeneratorTraining()
    model: Model = Model()


def build(cfg: Config, facts: "Facts") -> "DCGAN":
    """The model for images of ``facts``' shape, untrained."""
    from synthgain.generators.models.dcgan import DCGAN

    return DCGAN(cfg.model, facts)

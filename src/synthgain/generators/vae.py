"""Settings of the variational autoencoder in `models.vae`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from synthgain.schema import GeneratorConfig, GeneratorTraining, Positive, Strict

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.vae import VAE

SECONDS_PER_IMAGE = 4.5e-03
"""Of training on one CPU thread (AMD EPYC with AVX2) at 32 x 32 pixels and the sizes of ``conf/``, for the plan."""
SECONDS_PER_DRAWN = 1e-03
"""The same for drawing an image."""


class Model(Strict):
    width: Positive = 32
    """Feature maps at the finest level; each coarser level has twice as many, up to eight times."""
    latent: Positive = 32
    """Dimensions of the latent code."""
    beta: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the divergence from the prior (Higgins et al., ICLR 2017); less is sharper, more is tidier."""
    noise: Annotated[float, Field(gt=0)] = 0.1
    """Least standard deviation of the decoder's noise, with images in [-1, 1]: finer detail counts as noise."""
    norm: Literal["batch", "group"] = "batch"
    """Normalisation; differentially private training needs ``group``, which keeps images apart."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3


class Config(GeneratorConfig):
    kind: Literal["vae"] = "vae"
    training: GeneratorTraining = GeneratorTraining()
    model: Model = Model()


def build(cfg: Config, facts: "Facts") -> "VAE":
    """The model for images of ``facts``' shape, untrained."""
    from synthgain.generators.models.vae import VAE

    return VAE(cfg.model, facts)

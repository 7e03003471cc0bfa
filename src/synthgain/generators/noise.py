"""Control: noise without anatomy; see `models.noise`."""

from typing import TYPE_CHECKING, Literal

from synthgain.schema import GeneratorConfig

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.noise import Noise


class Config(GeneratorConfig):
    kind: Literal["noise"] = "noise"


def build(cfg: Config, facts: "Facts") -> "Noise":
    """The control for images of ``facts``' shape."""
    from synthgain.generators.models.noise import Noise

    return Noise(facts)

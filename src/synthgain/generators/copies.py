"""Control: real training images, drawn again; see `models.copies`."""

from typing import TYPE_CHECKING, Literal

from synthgain.schema import GeneratorConfig

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.copies import Copies


class Config(GeneratorConfig):
    kind: Literal["copies"] = "copies"


def build(cfg: Config, facts: "Facts") -> "Copies":
    """The control for images of ``facts``' shape."""
    from synthgain.generators.models.copies import Copies

    return Copies(facts)

"""Control: fresh samples of the truth; see `models.oracle`."""

from typing import TYPE_CHECKING, Literal

from synthgain.schema import GeneratorConfig

if TYPE_CHECKING:
    from synthgain.generators.contract import Facts
    from synthgain.generators.models.oracle import Oracle


class Config(GeneratorConfig):
    kind: Literal["oracle"] = "oracle"


def build(cfg: Config, facts: "Facts") -> "Oracle":
    """The control on top of ``facts.source``; raises `SynthgainError` for a source that cannot draw."""
    from synthgain.generators.models.oracle import Oracle

    return Oracle(facts)

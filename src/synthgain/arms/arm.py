"""What an arm is: a name, and how it fills its training batches. All else is equal in every arm."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from synthgain.config import Config, GeneratorConfig
from synthgain.errors import SynthgainError

COPIES = "copies"
CONTROLS = (COPIES, "noise", "oracle")
"""Kinds of generators that learn nothing: they show what the instrument says when the answer is known."""
_BY_NAME = {"duplicate": COPIES, "oracle": "oracle", "noise": "noise"}
_SYNTHETIC = re.compile(r"(?:synthetic-(?P<generator>.+?)|(?P<control>duplicate|oracle|noise))(?:-r(?P<ratio>[0-9.e+]+))?"
                        r"(?P<unfiltered>-unfiltered)?")  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """How the batches of one arm are filled."""

    name: str
    augment: bool = True
    """Classical augmentation, of real and synthetic images alike."""
    balanced: bool = False
    """Real images are drawn class by class."""
    generator: str | None = None
    """Whose images fill the synthetic slots; none: all slots are real."""
    ratio: float = 0.0
    """Synthetic images per real image in a batch, and in the pool in relation to the train split."""
    filtered: bool = False
    """Only images that the selection kept. Controls are what they are, and are never filtered."""

    @property
    def synthetic_share(self) -> Fraction:
        """The exact share ``r / (1 + r)`` of batch slots that synthetic images take."""
        ratio = Fraction(f"{self.ratio:g}")
        return ratio / (1 + ratio)

    @property
    def synthetic(self) -> bool:
        """Whether this arm is a candidate for a gain: `duplicate` is not, its images are real."""
        return self.generator is not None and self.generator != COPIES

    def at(self, ratio: float) -> "Arm":
        """This control at ``ratio``; arms that say their own ratio, or need none, stay as they are."""
        return replace(self, ratio=ratio) if self.name in _BY_NAME else self


def parse(name: str) -> Arm:
    """The arm called ``name``; a control without a ratio in its name gets 1 (see `Arm.at`).

    Raises
    ------
    SynthgainError
        There is no such arm.
    """
    if name in _REAL:
        return _REAL[name]
    found = _SYNTHETIC.fullmatch(name)
    if found is None or (found["generator"] and not found["ratio"]):
        raise SynthgainError(
            f"arms: no arm '{name}'; valid: {', '.join([*_REAL, *_BY_NAME])}, synthetic-<generator>-r<ratio>[-unfiltered]"
        )
    generator = found["generator"] or _BY_NAME[found["control"]]
    filtered = bool(found["generator"]) and not found["unfiltered"]
    return Arm(name, generator=generator, ratio=float(found["ratio"] or 1), filtered=filtered)


_REAL = {
    "real": Arm("real", augment=False),
    "classic": Arm("classic"),
    "oversample": Arm("oversample", balanced=True),
}

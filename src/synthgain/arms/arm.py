"""What an arm is: a name, and how it fills its training batches. All else is equal in every arm."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.schema import GeneratorConfig

CONTROLS = ("copies", "noise", "oracle")
"""Kinds of generators that learn nothing: they show what the instrument says when the answer is known."""
SHUFFLED = "shuffled"
"""Control: the candidate's synthetic images with the labels of one another."""
_BY_NAME = {"duplicate": "copies", "oracle": "oracle", "noise": "noise"}
_RATIO = r"(?P<ratio>\d+(?:\.\d+)?(?:e[+-]\d+)?)"
_TRAINED = re.compile(rf"(?P<kind>synthetic|{SHUFFLED})-(?P<generator>.+)-r{_RATIO}(?P<unfiltered>-unfiltered)?")
_WHOLE = re.compile(r"(?P<kind>pretrain|synthetic-only)-(?P<generator>.+)")
_CONTROL = re.compile(rf"(?P<control>{'|'.join(_BY_NAME)})(?:-r{_RATIO})?")
PRETRAIN = Fraction(1, 2)
"""Share of the steps that `pretrain` spends on synthetic images, before it goes on with real ones."""


@dataclass(frozen=True)
class Arm:
    """How the batches of one arm are filled."""

    name: str
    augment: bool = True
    """Classical augmentation, of real and synthetic images alike."""
    balanced: bool = False
    """Real images are drawn class by class."""
    weighted: bool = False
    """The loss weighs each class by the inverse of its share of the train split."""
    mixup: float = 0.0
    """Parameter alpha of mixup (Zhang et al., ICLR 2018); 0 for none."""
    generator: str | None = None
    """Whose images fill the synthetic slots; none: all slots are real."""
    ratio: float = 0.0
    """Synthetic images per real image in a batch, and in the pool in relation to the train split."""
    filtered: bool = False
    """Only images that the selection kept. Controls are what they are, and are never filtered."""
    whole: bool = False
    """The whole pool is used, and no real image beside it in a batch."""
    pretrained: bool = False
    """Synthetic images in the first part of the steps (see `PRETRAIN`), real ones in the rest."""
    shuffled: bool = False
    """Synthetic images carry the labels of one another."""

    def pretraining(self, steps: int) -> int:
        """How many of the steps of a training come before the real images."""
        return floor(PRETRAIN * steps) if self.pretrained else 0

    @property
    def synthetic_share(self) -> Fraction:
        """The exact share ``r / (1 + r)`` of batch slots that synthetic images take; all of a whole pool's."""
        if self.whole:
            return Fraction(1)
        ratio = Fraction(f"{self.ratio:g}")
        return ratio / (1 + ratio)

    @property
    def control(self) -> str | None:
        """``duplicate``, ``oracle``, ``noise`` or ``shuffled`` where this is one of them, at whatever ratio."""
        name = self.name.partition("-r")[0]
        return SHUFFLED if self.shuffled else name if name in _BY_NAME else None

    @property
    def descriptive(self) -> bool:
        """Screened to be looked at, and never chosen: what a classifier learns from synthetic images alone."""
        return self.whole and not self.pretrained

    def at(self, ratio: float) -> "Arm":
        """A control that does not say its ratio, at ``ratio``; every other arm as it is."""
        return replace(self, ratio=ratio) if self.name in _BY_NAME else self

    def available(self, cfg: Config) -> bool:
        """Whether the experiment has the generator that this arm needs."""
        if self.generator is None:
            return True
        generator = cfg.generators.get(self.generator)
        return generator is not None and (self.control in (None, SHUFFLED) or is_control(generator))


def parse(name: str) -> Arm:
    """The arm called ``name``; a control without a ratio in its name gets 1 (see `Arm.at`).

    Raises
    ------
    SynthgainError
        There is no such arm.
    """
    if name in _REAL:
        return _REAL[name]
    if found := _CONTROL.fullmatch(name):
        return Arm(name, generator=_BY_NAME[found["control"]], ratio=float(found["ratio"] or 1))
    if found := _TRAINED.fullmatch(name):
        filtered, shuffled = not found["unfiltered"], found["kind"] == SHUFFLED
        return Arm(
            name, generator=found["generator"], ratio=float(found["ratio"]), filtered=filtered, shuffled=shuffled
        )
    if found := _WHOLE.fullmatch(name):
        pretrained = found["kind"] == "pretrain"
        return Arm(name, generator=found["generator"], ratio=1.0, filtered=True, whole=True, pretrained=pretrained)
    valid = ", ".join([
        *_REAL, *_BY_NAME, "synthetic-<generator>-r<ratio>[-unfiltered]", "pretrain-<generator>",
        "synthetic-only-<generator>", "shuffled-<generator>-r<ratio>[-unfiltered]",
    ])  # fmt: skip
    raise SynthgainError(f"arms: no arm '{name}'; valid: {valid}")


_REAL = {
    "real": Arm("real", augment=False),
    "classic": Arm("classic"),
    "oversample": Arm("oversample", balanced=True),
    "weighted": Arm("weighted", weighted=True),
    "mixup": Arm("mixup", mixup=0.2),
}


def controls(cfg: Config) -> list[str]:
    """The control arms whose generator the experiment has."""
    return [name for name in _BY_NAME if parse(name).available(cfg)]


def candidates(cfg: Config) -> list[Arm]:
    """The arms to screen: the baselines, and every trained generator at every ratio, with and without filter as asked,
    as pre-training and alone. A generator's further trainings take part in the confirmation only.

    `duplicate` is screened at every ratio, because it is compared at the ratio of the synthetic arm that is chosen.
    Where no generator is trained, the controls take the place of the synthetic arms.

    Raises
    ------
    SynthgainError
        A name in ``arms.always`` is no arm, or there is no generator at all.
    """
    for name in cfg.arms.always:
        if name != SHUFFLED:
            parse(name)
    if not cfg.generators:
        raise SynthgainError("generators: none given, so there is nothing to compare; try 'generator=edm'")
    trained = [name for name, each in cfg.generators.items() if not (is_control(each) or each.repeats)]
    names: list[str] = [name for name in cfg.arms.baselines if name != "duplicate"]
    controls = ["duplicate"] if "duplicate" in cfg.arms.baselines else []
    controls += [] if trained else [name for name in _BY_NAME if name not in controls]
    names += [f"{name}-r{ratio:g}" for name in controls for ratio in cfg.arms.ratios]
    for name in trained:
        for ratio in cfg.arms.ratios:
            names += [f"synthetic-{name}-r{ratio:g}{'' if kept else '-unfiltered'}" for kept in cfg.arms.filtered]
        names += [f"{kind}-{name}" for kind in cfg.arms.whole]
    return [arm for name in names if (arm := parse(name)).available(cfg)]


def is_control(generator: GeneratorConfig) -> bool:
    """Whether a generator of this configuration learns nothing."""
    return generator.kind in CONTROLS

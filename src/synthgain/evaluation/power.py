"""How large a study must be: the minimum detectable gain over patients and seeds, by the rule that will judge it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgain.errors import SynthgainError
from synthgain.evaluation.detectable import minimum_detectable_gain
from synthgain.evaluation.metrics import NotEstimable, Value
from synthgain.evaluation.statistics import Components
from synthgain.schema import QUICK_LOOK, Evaluation

PATIENTS = (50, 100, 200, 400, 800, 1600)
SEEDS = (6, 8, 12, 16, 24)
MOST_PATIENTS = 1_000_000
LEAST_PATIENTS = Evaluation().min_groups
"""Fewer test patients (or groups) than this carry no verdict but *inconclusive*."""
_NO_VARIANCE = 1e-12
"""Variances below this are rounding errors of none."""


@dataclass(frozen=True)
class Pilot:
    """What is known before a study, or from a finished one.

    Attributes
    ----------
    per_patient: variance that one patient contributes to a difference whose seeds are all kept; ``n`` of them leave
        ``per_patient / n``.
    per_seed: variance of a single seed's difference around the mean.
    fitted: means estimated from the patients, one per class for balanced accuracy.
    about: where the numbers come from.
    most: largest gain that there can be (a share).
    """

    per_patient: float
    per_seed: float
    fitted: int
    about: str
    most: float = 1.0

    def components(self, patients: int, seeds: int) -> Components:
        """The variance components of a study of this size."""
        groups = self.per_patient / patients
        return Components(groups, self.per_seed, patients, seeds, self.fitted, groups)


def from_gains(gains: Mapping[str, Any]) -> Pilot:
    """From the declared contrast of a finished study, with as many images per patient and the same class shares.

    ``per_patient = total * n`` of `Components`. The part of the variance that belongs to single images of single seeds
    is planned for twice, with the patients and with the seeds: the patients' own variance, which remains without it, is
    too uncertain to plan by where patients are few, and often comes out as 0. So sizes err on the safe side, for more
    patients than in the finished study and for fewer.

    Raises
    ------
    SynthgainError
        Its variance could not be estimated, or testing other patients changed nothing.
    """
    headline = gains["headline"]
    if headline["components"] is None:
        raise SynthgainError(f"the finished study has no variance to go by: {headline['why']}; give --discordant")
    c = Components(**headline["components"])
    if c.n_seeds < 2:
        raise SynthgainError("the finished study has one seed, which tells nothing of others; give --discordant")
    if c.total is None:
        raise SynthgainError(
            "the finished study has no variance of its patients that can be planned by (components.total); run "
            "'synthgain run' again, or give --discordant"
        )
    if c.total < _NO_VARIANCE:
        raise SynthgainError(
            "not estimable: in the finished study other patients would have given the very same difference, which "
            "tells nothing of how many are needed; give --discordant"
        )
    return Pilot(
        c.total * c.n_groups, c.seeds, c.fitted,
        f"{headline['candidate']} against {headline['baseline']} in the finished study here ({c.n_groups} test "
        f"patients or groups, {c.n_seeds} seeds), sizes on the safe side",
    )  # fmt: skip


def from_numbers(discordant: float, images: float, icc: float, seed_sd: float, classes: int) -> Pilot:
    """From given numbers, for balanced accuracy with classes about equally frequent.

    The difference of one image is -1, 0 or 1, so its variance is the share of discordant images, and the mean over a
    patient's ``images`` has ``discordant * (1 + (images - 1) * icc) / images`` (design effect; Kish 1965, ch. 5).

    Parameters
    ----------
    discordant: share of images that exactly one of both arms recognises, 0.0001 to 1.
    images: test images of a patient.
    icc: correlation of those differences within a patient, 0 to 1.
    seed_sd: standard deviation of a single seed's difference (a share: 0.02 is two points).
    classes: number of classes.

    Raises
    ------
    SynthgainError
        A number outside of what it can be.
    """
    _refuse(discordant, "--discordant", 0.0001, 1)
    _refuse(icc, "--icc", 0, 1)
    _refuse(images, "--images-per-patient", 1, math.inf)
    _refuse(seed_sd, "--seed-sd", 0, 1)
    _refuse(classes, "--classes", 2, math.inf)
    about = (
        f"{100 * discordant:g} % discordant images, {images:g} images per patient with a correlation of {icc:g}, "
        f"seeds that differ by {100 * seed_sd:g} points"
    )
    return Pilot(discordant * (1 + (images - 1) * icc) / images, seed_sd**2, classes, about, discordant)


def _refuse(value: float, name: str, least: float, most: float) -> None:
    if not (least <= value <= most and math.isfinite(value)):
        limits = f"between {least:g} and {most:g}" if math.isfinite(most) else f"at least {least:g}"
        raise SynthgainError(f"{name} {value:g}: it must be {limits}")


def patients_needed(
    pilot: Pilot, gain: float, seeds: int, level: float, least: int = LEAST_PATIENTS
) -> int | NotEstimable:
    """The fewest test patients, at least ``least``, with which a true ``gain`` (a share) is called four times in five.

    By bisection, as the minimum detectable gain falls with the patients; `NotEstimable` where ``seeds`` are too few for
    it, however many the patients, or there can be no such gain.
    """
    if gain > pilot.most:
        return NotEstimable(
            f"a gain of {100 * gain:g} points needs as many discordant images in a hundred; {100 * pilot.most:g} are"
        )

    def found(patients: int) -> Value:
        return minimum_detectable_gain(pilot.components(patients, seeds), level)

    best = found(MOST_PATIENTS)
    if isinstance(best, NotEstimable):
        return best
    if best > gain:
        return NotEstimable(f"{seeds} seeds detect no less than {100 * best:.1f} points, however many the patients")
    low, high = max(least - 1, pilot.fitted), MOST_PATIENTS  # of as many patients as means nothing is left to judge by
    while high - low > 1:
        middle = (low + high) // 2
        value = found(middle)
        low, high = (low, middle) if isinstance(value, NotEstimable) or value <= gain else (middle, high)
    return high


def table(
    pilot: Pilot, gain: float, level: float, patients: Sequence[int] = PATIENTS, seeds: Sequence[int] = SEEDS
) -> str:
    """Minimum detectable gains in points, a row per number of patients; and the patients needed for ``gain``."""
    _refuse(100 * gain, "--gain", 0.01, 100)
    _refuse(level, "--level", 0.5, 0.9999)
    _refuse(min(patients), "--patients", max(LEAST_PATIENTS, pilot.fitted + 1), math.inf)
    _refuse(min(seeds), "--seeds", 1, math.inf)
    head = ["patients", *(f"{count} seeds" for count in seeds)]
    found = [[minimum_detectable_gain(pilot.components(count, s), level) for s in seeds] for count in patients]
    rows = [[f"{count:,}", *map(_points, values)] for count, values in zip(patients, found, strict=True)]
    needed = [patients_needed(pilot, gain, count, level) for count in seeds]
    last = [
        f"for {100 * gain:g} points",
        *("out of reach" if isinstance(each, NotEstimable) else f"{each:,}" for each in needed),
    ]
    widths = [max(len(row[at]) for row in (head, *rows, last)) for at in range(len(head))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows, last)
    ]
    rule = "-" * len(lines[0])
    notes = dict.fromkeys(f"  {each.why}" for each in needed if isinstance(each, NotEstimable))
    if min(patients) < QUICK_LOOK or any(isinstance(each, int) and each < QUICK_LOOK for each in needed):
        notes[f"  fewer than {QUICK_LOOK} patients carry a claim with dataset.split.folds=5 only"] = None
    return "\n".join([
        f"Minimum detectable gain in points (called a gain four times in five at level {level:g}), from",
        f"{pilot.about};", "last row: test patients needed", "",
        lines[0], rule, *lines[1:-1], rule, lines[-1], *notes,
    ])  # fmt: skip


def _points(value: Value) -> str:
    return "not estimable" if isinstance(value, NotEstimable) else f"{100 * value:.1f}"

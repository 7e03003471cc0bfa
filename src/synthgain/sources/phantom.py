"""Contrast-enhanced T1-weighted spin-echo slices of heads that never existed: the embedded default.

Every patient is a function of ``(seed, stream, number)``. Site, sex, age and the whole healthy anatomy are drawn from
one stream of random numbers and the tumour from another, so that nothing but the tumour (and where the slices lie) can
tell the class. Since the true distribution can be drawn from without end, the phantom is also the standard by which
the measurement of gain is calibrated: `draw` gives fresh patients.

The classes: glioma (in white matter, infiltrating, with necrosis, ring enhancement and oedema when of high grade),
meningioma (on the dura, smooth, homogeneous), pituitary (adenoma in the sella), no_tumor.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from synthgain.errors import SynthgainError
from synthgain.schema import SourceConfig
from synthgain.seeding import rng
from synthgain.sources import mr_signal, phantom_lesions
from synthgain.sources.mr_signal import SCANNERS, Array, Scanner
from synthgain.sources.phantom_anatomy import NATIVE, Cut, Head, Plane, draw_anatomy, draw_head, ramp
from synthgain.sources.phantom_lesions import Finding, Kind, Lesion
from synthgain.sources.record import Record

CLASSES: tuple[Kind, ...] = get_args(Kind)
"""Sorted, as every data set's classes are unless ``dataset.classes`` says otherwise."""
TUMOURS: tuple[Kind, ...] = ("glioma", "meningioma", "pituitary")
Labels = Sequence[int] | npt.NDArray[np.integer]
TUMOUR, OEDEMA = 1, 2
"""Values in a lesion mask; 0 is everything else."""


class Config(SourceConfig):
    kind: Literal["phantom"] = "phantom"
    patients: Annotated[int, Field(gt=0, le=100_000)] = 80
    """Patients per class."""
    slices: Annotated[int, Field(gt=0, le=9)] = 4
    """Slices per patient; in a patient with a tumour each of them shows it."""
    spread: Annotated[float, Field(ge=0, le=0.9)] = 0.35
    """Farthest slice from the tumour's centre, relative to the tumour's radius."""
    noise: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Noise relative to that of the two scanners."""
    enhancement: Annotated[float, Field(ge=0, le=5)] = 1.0
    """Contrast agent in tumours relative to the usual dose; less makes them harder to see."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Draws the patients."""


TYPICAL_RADIUS = 16.0
"""Millimetres; spaces the slices of a patient without a tumour."""


@dataclass(frozen=True)
class Patient:
    """One head in one scanner."""

    head: Head
    scanner: Scanner
    tissue: mr_signal.Sample
    place: phantom_lesions.Point
    lesion: Lesion | None
    findings: tuple[Finding, ...]
    tilt: tuple[float, float, float]
    """Angles of the slices about x, y and z, in radians."""


def scan(cfg: Config, raw: Path) -> Iterator[Record]:
    """Every slice of every patient; ``raw`` is not read, the images come from the code."""
    for number in range(cfg.patients * len(CLASSES)):
        label = CLASSES[number % len(CLASSES)]
        patient = _patient(cfg, label, "scan", number)
        attributes = {"site": patient.scanner.name, "sex": patient.head.sex, "age": str(patient.head.age)}
        for index in range(cfg.slices):
            yield Record(
                origin=f"phantom/p{number:04d}/s{index}",
                load=partial(_load, cfg, label, number, index),
                label=label,
                patient_id=f"p{number:04d}",
                attributes=attributes,
            )


def draw(cfg: Config, labels: Labels, *, seed: int, size: int) -> npt.NDArray[np.uint8]:
    """Fresh true images, one new patient each: indices into `CLASSES`, ``(n,)`` -> uint8 ``(n, 1, size, size)``.

    Image ``i`` depends on ``seed``, ``i`` and its label alone. Its distribution is that of `scan` after resampling.
    """
    return draw_with_masks(cfg, labels, seed=seed, size=size)[0]


def draw_with_masks(
    cfg: Config, labels: Labels, *, seed: int, size: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """`draw`, and where the lesions are: both uint8 ``(n, 1, size, size)``, masks of 0, `TUMOUR` and `OEDEMA`."""
    images = np.empty((len(labels), 1, size, size), dtype=np.uint8)
    masks = np.zeros_like(images)
    for i, label in enumerate(labels):
        patient = _patient(cfg, CLASSES[int(label)], "draw", seed, i)
        random = rng(cfg.seed, "phantom", "draw", seed, i, "slice")
        image, tumour, oedema = _acquire(cfg, patient, int(random.integers(cfg.slices)), random)
        images[i, 0] = resample(image, size)
        masks[i, 0] = _mask(tumour, oedema, size)
    return images, masks


def mask(cfg: Config, origin: str, size: int = NATIVE) -> npt.NDArray[np.uint8]:
    """Mask ``(size, size)`` of 0, `TUMOUR` and `OEDEMA` for an image that `scan` gave, found by its ``origin``."""
    found = re.fullmatch(r"phantom/p(\d+)/s(\d+)", origin)
    number, index = map(int, found.groups()) if found else (-1, -1)
    if not (0 <= number < cfg.patients * len(CLASSES) and 0 <= index < cfg.slices):
        raise SynthgainError(
            f"'{origin}' is no image of this phantom, which has phantom/p0000/s0 to "
            f"phantom/p{cfg.patients * len(CLASSES) - 1:04d}/s{cfg.slices - 1}"
        )
    _, tumour, oedema = _slice(cfg, CLASSES[number % len(CLASSES)], number, index)
    return _mask(tumour, oedema, size)


def resample(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Antialiased resampling of ``(H, W)`` to ``(size, size)``, as ingest does it."""
    if image.shape == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS))


def _mask(tumour: Array, oedema: Array, size: int) -> npt.NDArray[np.uint8]:
    shares = [
        np.asarray(Image.fromarray(share).resize((size, size), Image.Resampling.BOX)) for share in (tumour, oedema)
    ]
    return np.where(shares[0] >= 0.5, TUMOUR, np.where(shares[1] >= 0.5, OEDEMA, 0)).astype(np.uint8)


def _load(cfg: Config, label: Kind, number: int, index: int) -> npt.NDArray[np.uint8]:
    return _slice(cfg, label, number, index)[0]


def _slice(cfg: Config, label: Kind, number: int, index: int) -> tuple[npt.NDArray[np.uint8], Array, Array]:
    random = rng(cfg.seed, "phantom", "scan", number, "slice", index)
    return _acquire(cfg, _patient(cfg, label, "scan", number), index, random)


def _patient(cfg: Config, label: Kind, *key: str | int) -> Patient:
    random = rng(cfg.seed, "phantom", *key, "head")
    scanner = SCANNERS[int(random.integers(len(SCANNERS)))]
    head = draw_head(random)
    tissue = mr_signal.sample(scanner, random)
    about_x, about_y, about_z = (float(angle) for angle in random.normal(0, np.radians((3, 2, 3))))
    disease = rng(cfg.seed, "phantom", *key, "disease")
    # A tumour-free patient is cut where a tumour of some kind might have been, or the level would give the class away.
    suspected = label if label != "no_tumor" else TUMOURS[int(disease.integers(len(TUMOURS)))]
    place = phantom_lesions.draw_place(suspected, head, disease)
    lesion = phantom_lesions.draw_lesion(label, place, disease)
    findings = phantom_lesions.draw_findings(head, place[2], rng(cfg.seed, "phantom", *key, "findings"))
    return Patient(head, scanner, tissue, place, lesion, findings, (about_x, about_y, about_z))


def _plane(cfg: Config, patient: Patient, index: int, random: np.random.Generator) -> Plane:
    """The slice number ``index``, which passes through or near the place of the tumour."""
    about_x, about_y, about_z = patient.tilt
    radius = patient.lesion.radius if patient.lesion else TYPICAL_RADIUS
    steps = np.linspace(-1, 1, cfg.slices) if cfg.slices > 1 else np.zeros(1)
    level = patient.place[2] + float(steps[index]) * cfg.spread * radius
    right = np.array([np.cos(about_z), np.sin(about_z), np.tan(about_y)]) / patient.head.scale
    up = np.array([-np.sin(about_z), np.cos(about_z), np.tan(about_x)]) / patient.head.scale
    shift = random.normal(0, 1.5, 2)
    centre = np.array([0.0, 0.0, level]) + shift[0] * right + (shift[1] - 2) * up
    centre[2] -= np.tan(about_y) * patient.place[0] + np.tan(about_x) * patient.place[1]
    return Plane(centre, right, up)


def _acquire(
    cfg: Config, patient: Patient, index: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Array, Array]:
    """One slice: the image uint8 ``(NATIVE, NATIVE)`` and the voxels' shares of tumour and oedema."""
    plane = _plane(cfg, patient, index, random)
    point = plane.points()
    inside = patient.head.depth(*point) - patient.head.depth_of_brain
    zeros = np.zeros_like(inside)
    pushed, swelling = phantom_lesions.displace(patient.lesion, point) if patient.lesion else (point, zeros)
    cut = Cut(patient.head, plane, patient.tissue, point, pushed, swelling, zeros.copy(), inside, ramp(inside), zeros)
    draw_anatomy(cut)
    for finding in patient.findings:
        phantom_lesions.draw_finding(cut, finding)
    tumour, oedema = zeros, zeros
    if patient.lesion:
        tumour, oedema = phantom_lesions.draw_tumour(cut, patient.lesion, cfg.enhancement)
    return _receive(cfg, patient, cut.canvas, random), tumour, oedema


def _receive(cfg: Config, patient: Patient, signal: Array, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """What the scanner makes of the signal: receive field, noise, display window."""
    scanner = patient.scanner
    white = float(patient.tissue.signal("white"))
    axis = np.linspace(-1, 1, NATIVE)
    slope = random.normal(0, scanner.bias, 4)
    field = slope[0] * axis[None, :] + slope[1] * axis[:, None] + slope[2] * axis[None, :] * axis[:, None]
    field += (slope[3] - 1.5 * scanner.bias) * (1 - axis[None, :] ** 2 - axis[:, None] ** 2)
    noisy = mr_signal.rician(signal * np.exp(field), cfg.noise * scanner.noise * white, random)
    return mr_signal.window(noisy, white * float(random.uniform(1.55, 1.7)))

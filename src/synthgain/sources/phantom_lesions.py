"""What may be wrong in a head: the three tumours, and findings of no consequence that look a little like them.

The findings are drawn for every patient with the same odds, whatever the class, so that none of them tells it.
Lengths are millimetres, concentrations of contrast agent mmol/L (mM).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthgain.sources.mr_signal import Array
from synthgain.sources.phantom_anatomy import PIXEL, Cut, Head, Points, Waves, clip, paint, ramp

Kind = Literal["glioma", "meningioma", "no_tumor", "pituitary"]
Point = tuple[float, float, float]

_FALX = 5.0
"""A meningioma placed closer to the midline than this grows from the falx."""


@dataclass(frozen=True)
class Lesion:
    """A tumour."""

    kind: Kind
    centre: Point
    axes: Point
    """Half axes."""
    outline: Waves
    roughness: float
    """Standard deviation of the outline relative to the radius."""
    core: float
    """Contrast agent in the solid part."""
    patchiness: float
    """Relative variation of the contrast agent within the tumour."""
    push: float
    """How far surrounding tissue gives way, relative to the radius."""
    fingers: Waves
    """Where the oedema reaches far and where not."""
    oedema: float = 0.0
    """Reach of the oedema beyond the tumour."""
    rim: float = 0.0
    """Contrast agent in a ring around the centre, in addition to that of the core."""
    necrosis: float = 0.0
    """Radius of the necrotic or cystic centre relative to the tumour's."""
    border: float = 3.5
    """Width over which tumour gives way to healthy tissue."""

    @property
    def radius(self) -> float:
        return sum(self.axes) / 3


@dataclass(frozen=True)
class Finding:
    """A spot that is no tumour."""

    tissue: str
    centre: Point
    radius: float
    share: float
    """How much of the healthy tissue it replaces."""
    concentration: float = 0.0


def draw_place(kind: Kind, head: Head, random: np.random.Generator) -> Point:
    """Where a tumour of the kind sits: in the sella, on the dura or falx, or in the white matter of any lobe."""
    if kind == "pituitary":
        return (random.normal(0, 1.5), random.normal(13, 1.5), random.uniform(-4, 7))
    level = random.uniform(-4, 9) if random.random() < 0.4 else random.uniform(9, 60)
    angle = random.uniform(-0.38, 0.38) * np.pi
    side = float(random.choice((-1, 1)))
    direction = np.array([side * np.cos(angle), np.sin(angle)])
    share = 1.0 if kind == "meningioma" else random.uniform(0.45, 0.8)
    x, y = direction * _edge(head, direction, level) * share
    if kind == "meningioma" and level > 30 and random.random() < 0.3:
        x, y = side, random.uniform(-55, 60)
    return (float(x), float(y), level)


def _edge(head: Head, direction: npt.NDArray[np.float64], level: float) -> float:
    """Distance from the axis of the head to the inner table of the skull along ``direction``."""
    reach = np.linspace(20, 95, 151)
    depth = head.depth(reach * direction[0], reach * direction[1], np.full_like(reach, level))
    return float(reach[np.argmin(np.abs(depth - head.depth_of_brain))])


def draw_lesion(kind: Kind, place: Point, random: np.random.Generator) -> Lesion | None:
    """Draw a tumour of the kind at its place; none for a tumour-free patient."""
    if kind == "no_tumor":
        return None
    return {"glioma": _glioma, "meningioma": _meningioma, "pituitary": _pituitary}[kind](place, random)


def _glioma(place: Point, random: np.random.Generator) -> Lesion:
    """High grade (3 in 4): ragged ring around necrosis, much oedema. Low grade: a dark blur that hardly enhances."""
    radius = _log_uniform(random, 13.5, 27)
    x, y, z = radius * random.uniform(0.8, 1.25, 3)
    low = random.random() < 0.25
    return Lesion(
        kind="glioma",
        centre=place,
        axes=(float(x), float(y), float(z)),
        outline=Waves.draw(random, 1.8 * radius),
        roughness=0.2,
        core=random.uniform(0, 0.05) if low else random.uniform(0.02, 0.15),
        patchiness=0.6,
        push=0.2 if low else 0.3,
        fingers=Waves.draw(random, 30.0),
        oedema=random.uniform(2, 6) if low else random.uniform(5, 16),
        rim=0.0 if low else random.uniform(0.2, 0.55),
        necrosis=0.0 if low else random.uniform(0.3, 0.7),
        border=random.uniform(8, 14) if low else random.uniform(4, 7),
    )


def _meningioma(place: Point, random: np.random.Generator) -> Lesion:
    """A smooth ball pressed against dura or falx, evenly enhancing; oedema in 2 of 5."""
    radius = _log_uniform(random, 11.5, 23)
    x, y, z = place
    if abs(x) < _FALX:
        x = float(np.sign(x)) * 0.75 * radius
    else:
        inward = 1 - 0.45 * radius / float(np.hypot(x, y))
        x, y = x * inward, y * inward
    return Lesion(
        kind="meningioma",
        centre=(x, y, z),
        axes=(radius, radius, radius),
        outline=Waves.draw(random, 1.8 * radius),
        roughness=0.07,
        core=random.uniform(0.15, 0.55),
        patchiness=0.08,
        push=0.45,
        fingers=Waves.draw(random, 30.0),
        oedema=random.uniform(4, 12) if random.random() < 0.4 else 0.0,
    )


def _pituitary(place: Point, random: np.random.Generator) -> Lesion:
    """A macroadenoma that grows out of the sella, less enhancing than the gland; cystic in 3 of 20."""
    radius = _log_uniform(random, 8.5, 16.5)
    return Lesion(
        kind="pituitary",
        centre=place,
        axes=(1.1 * radius, 0.9 * radius, radius),
        outline=Waves.draw(random, 1.8 * radius),
        roughness=0.08,
        core=random.uniform(0.12, 0.4),
        patchiness=0.1,
        push=0.5,
        fingers=Waves.draw(random, 30.0),
        necrosis=random.uniform(0.3, 0.5) if random.random() < 0.15 else 0.0,
    )


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def draw_findings(head: Head, level: float, random: np.random.Generator) -> tuple[Finding, ...]:
    """Draw incidental findings near a level: white-matter lesions with age, gliosis, arachnoid cysts, bright veins."""

    def within(low: float, high: float) -> Point:
        angle = random.uniform(0, 2 * np.pi)
        direction = np.array([np.cos(angle), np.sin(angle)])
        x, y = direction * _edge(head, direction, level) * random.uniform(low, high)
        return (float(x), float(y), level + random.uniform(-6, 6))

    found = [
        Finding("oedema", within(0.3, 0.6), radius=random.uniform(2, 5), share=0.8)
        for _ in range(random.poisson(0.2 + 2.5 * max(head.age - 45, 0) / 40))
    ]
    if random.random() < 0.2:
        found.append(Finding("oedema", within(0.5, 0.95), radius=random.uniform(7, 15), share=0.8))
    if random.random() < 0.12:
        found.append(Finding("csf", within(0.85, 1.0), radius=random.uniform(6, 14), share=1.0))
    for _ in range(random.poisson(0.5)):
        dose = random.uniform(0.15, 0.5)
        found.append(Finding("blood", within(0.3, 1.0), random.uniform(2, 4.5), share=0.9, concentration=dose))
    return tuple(found)


def displace(lesion: Lesion, point: Points) -> tuple[Points, Array]:
    """Mass effect: where the tissue now at ``point`` came from, and how far sulci there are effaced (0 to 1)."""
    x, y, z = (p - c for p, c in zip(point, lesion.centre, strict=True))
    pull = np.exp(-(x * x + y * y + z * z) / (1.6 * lesion.radius) ** 2)
    shift = lesion.push * pull
    moved = (point[0] - shift * x, point[1] - shift * y, point[2] - shift * z)
    return moved, np.minimum(1.3 * pull, 1)


def draw_finding(cut: Cut, finding: Finding) -> None:
    """Paint an incidental finding: cysts anywhere in the cranial cavity, all else within the brain."""
    x, y, z = (p - c for p, c in zip(cut.point, finding.centre, strict=True))
    share = ramp(finding.radius - np.sqrt(x * x + y * y + z * z), 1.5 * PIXEL) * finding.share
    share = share * (cut.cavity if finding.tissue == "csf" else cut.cavity * cut.brain)
    paint(cut.canvas, share, cut.tissue.signal(finding.tissue, finding.concentration))


def draw_tumour(cut: Cut, lesion: Lesion, enhancement: float) -> tuple[Array, Array]:
    """Paint a tumour with its oedema, the contrast agent scaled by ``enhancement``.

    Returns
    -------
    The share of each voxel within the tumour, and within the oedema around it.
    """
    rough = cut.plane.field(lesion.outline)
    x, y, z = ((p - c) / a for p, c, a in zip(cut.point, lesion.centre, lesion.axes, strict=True))
    radius = np.sqrt(x * x + y * y + z * z) * (1 + lesion.roughness * rough)
    inside = (1 - radius) * lesion.radius
    oedema = _oedema(cut, lesion, inside)
    if lesion.kind == "meningioma":
        reach = 0.6 * lesion.radius
        tail = clip(1 - np.abs(cut.inside - 1) / PIXEL) * ramp(inside + reach, reach)
        paint(cut.canvas, 0.6 * tail, cut.tissue.signal("tumour", enhancement * lesion.core))
    ring = np.exp(-(((radius - 0.85) / 0.16) ** 2))
    uneven = np.clip(1 + lesion.patchiness * rough, 0.1, 2)
    dose = enhancement * (lesion.core + lesion.rim * ring) * uneven
    tumour = ramp(inside, lesion.border) * cut.cavity
    visible = tumour * np.maximum(cut.brain, 0.3) if lesion.kind == "glioma" else tumour
    paint(cut.canvas, visible, cut.tissue.signal("tumour", dose))
    if lesion.necrosis:
        centre = ramp((lesion.necrosis - radius) * lesion.radius)
        paint(cut.canvas, centre * visible, cut.tissue.signal("necrosis"))
    return tumour, oedema * (1 - tumour)


def _oedema(cut: Cut, lesion: Lesion, inside: Array) -> Array:
    """Paint vasogenic oedema, which spreads in white matter and spares the cortex; returns its share of each voxel."""
    if not lesion.oedema:
        return np.zeros_like(inside)
    reach = lesion.oedema * (1 + 0.4 * cut.plane.field(lesion.fingers))
    share = ramp(inside + reach, 8.0) * np.sqrt(cut.brain) * ramp(cut.inside - 4, 6)
    paint(cut.canvas, share, cut.tissue.signal("oedema"))
    return share

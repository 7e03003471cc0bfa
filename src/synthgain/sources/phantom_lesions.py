"""What may be wrong in a head: the three tumours, and findings of no consequence that look a little like them.

The findings are drawn for every patient with the same odds, whatever the class, so that none of them tells it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthgain.sources.mr_signal import Array, spin_echo, with_contrast
from synthgain.sources.phantom_anatomy import Cut, Head, Plane, Waves, paint, ramp

Kind = Literal["glioma", "meningioma", "pituitary", "no_tumor"]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Lesion:
    """A tumour. Lengths in mm, contrast agent in mM."""

    kind: Kind
    centre: Point
    axes: Point
    outline: Waves
    roughness: float
    """Standard deviation of the outline relative to the radius."""
    core: float
    """Contrast agent in the solid part."""
    rim: float
    """Contrast agent in a ring around the centre (glioma)."""
    necrosis: float
    """Radius of the necrotic or cystic centre relative to the tumour's."""
    patchiness: float
    """Relative variation of the contrast agent within the tumour."""
    oedema: float
    """Reach of the oedema beyond the tumour."""
    infiltration: float
    """Width of the tumour's border."""
    push: float
    """How far surrounding tissue gives way, relative to the radius."""


@dataclass(frozen=True)
class Finding:
    """A spot that is no tumour: white-matter lesion, gliosis, arachnoid cyst, enhancing vein."""

    tissue: str
    centre: Point
    radius: float
    concentration: float
    share: float


def draw_place(kind: Kind, head: Head, random: np.random.Generator) -> Point:
    """Where the tumour sits; for a tumour-free patient, where the slices are centred."""
    if kind == "pituitary":
        return (float(random.normal(0, 1.5)), float(random.normal(13, 1.5)), float(random.uniform(-4, 7)))
    base = random.random() < 0.4
    level = float(random.uniform(-4, 9) if base else random.uniform(9, 60))
    angle = random.uniform(0.12 * np.pi, 0.88 * np.pi) - np.pi / 2
    side = float(random.choice((-1, 1)))
    direction = np.array([side * np.cos(angle), np.sin(angle)])
    edge = _edge(head, direction, level)
    share = random.uniform(0.45, 0.8) if kind != "meningioma" else 1.0
    x, y = direction * edge * share
    if kind == "meningioma" and level > 30 and random.random() < 0.3:
        x, y = side * 4.0, float(random.uniform(-55, 60))
    return (float(x), float(y), level)


def _edge(head: Head, direction: np.ndarray, level: float) -> float:
    """Distance from the axis of the head to the inner table of the skull along ``direction``, mm."""
    reach = np.linspace(20, 95, 151, dtype=np.float32)
    depth = head.depth(reach * direction[0], reach * direction[1], np.full_like(reach, level))
    return float(reach[np.argmin(np.abs(depth - head.depth_of_brain))])


def draw_lesion(kind: Kind, place: Point, random: np.random.Generator) -> Lesion | None:
    """Draw a tumour of the kind at its place; none for a tumour-free patient."""
    if kind == "no_tumor":
        return None
    if kind == "pituitary":
        radius = float(np.exp(random.uniform(np.log(5.5), np.log(15))))
        axes = (radius * 1.1, radius * 0.9, radius)
        return _lesion(kind, place, axes, random, roughness=0.08, core=random.uniform(0.08, 0.3), patchiness=0.1,
                       necrosis=random.uniform(0.3, 0.5) if random.random() < 0.15 else 0.0, push=0.5)  # fmt: skip
    if kind == "meningioma":
        radius = float(np.exp(random.uniform(np.log(7), np.log(19))))
        inward = 0.45 * radius / max(np.hypot(place[0], place[1]), 1.0)
        centre = (place[0] * (1 - inward), place[1] * (1 - inward), place[2])
        return _lesion(kind, centre, (radius, radius, radius), random, roughness=0.07,
                       core=random.uniform(0.08, 0.35), patchiness=0.08, push=0.45,
                       oedema=random.uniform(4, 12) if random.random() < 0.4 else 0.0)  # fmt: skip
    radius = float(np.exp(random.uniform(np.log(8), np.log(22))))
    axes = tuple(radius * random.uniform(0.8, 1.25, 3))
    if random.random() < 0.35:
        return _lesion(kind, place, axes, random, roughness=0.22, core=random.uniform(0, 0.05), patchiness=0.5,
                       oedema=random.uniform(2, 6), infiltration=random.uniform(8, 14), push=0.2)  # fmt: skip
    return _lesion(kind, place, axes, random, roughness=0.2, core=random.uniform(0.02, 0.15), patchiness=0.6,
                   rim=random.uniform(0.1, 0.35), necrosis=random.uniform(0.3, 0.7), push=0.3,
                   oedema=random.uniform(5, 16), infiltration=random.uniform(4, 7))  # fmt: skip


def _lesion(
    kind: Kind, centre: Point, axes: tuple[float, ...], random: np.random.Generator, *, roughness: float, core: float,
    patchiness: float, push: float, rim: float = 0.0, necrosis: float = 0.0, oedema: float = 0.0, infiltration: float = 3.5,
) -> Lesion:  # fmt: skip
    radius = float(np.mean(axes))
    return Lesion(kind, centre, axes, Waves.draw(random, 1.8 * radius), roughness, float(core), float(rim),  # type: ignore[arg-type]
                  float(necrosis), patchiness, float(oedema), float(infiltration), push)  # fmt: skip


def draw_findings(head: Head, level: float, random: np.random.Generator) -> tuple[Finding, ...]:
    """Draw incidental findings near a level, by odds that depend on age and never on the class."""
    found = []
    for _ in range(random.poisson(0.2 + 2.5 * max(head.age - 45, 0) / 40)):
        centre = _within(head, level, random, 0.3, 0.6)
        found.append(Finding("oedema", centre, float(random.uniform(2, 5)), 0.0, 0.8))
    if random.random() < 0.2:
        found.append(Finding("oedema", _within(head, level, random, 0.5, 0.95), float(random.uniform(7, 15)), 0.0, 0.8))
    if random.random() < 0.12:
        found.append(Finding("csf", _within(head, level, random, 0.85, 1.0), float(random.uniform(6, 14)), 0.0, 1.0))
    for _ in range(random.poisson(0.8)):
        centre = _within(head, level, random, 0.3, 1.0)
        found.append(Finding("blood", centre, float(random.uniform(2, 4.5)), float(random.uniform(0.15, 0.5)), 0.9))
    return tuple(found)


def _within(head: Head, level: float, random: np.random.Generator, low: float, high: float) -> Point:
    angle = random.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    x, y = direction * _edge(head, direction, level) * random.uniform(low, high)
    return (float(x), float(y), level + float(random.uniform(-6, 6)))


def displace(lesion: Lesion, point: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array, Array], Array]:
    """Mass effect: where the tissue now at ``point`` came from, and how far sulci there are effaced (0 to 1)."""
    radius = float(np.mean(lesion.axes))
    offset = [p - np.float32(c) for p, c in zip(point, lesion.centre, strict=True)]
    square = sum(o * o for o in offset) / np.float32((1.6 * radius) ** 2)
    pull = np.exp(-square)
    moved = tuple(p - np.float32(lesion.push) * pull * o for p, o in zip(point, offset, strict=True))
    return moved, np.minimum(1.3 * pull, 1)  # type: ignore[return-value]


def draw_finding(cut: Cut, finding: Finding) -> None:
    square = sum((p - np.float32(c)) ** 2 for p, c in zip(cut.point, finding.centre, strict=True))
    share = ramp(finding.radius - np.sqrt(square), 1.5 * PIXEL_SOFT) * np.float32(finding.share) * ramp(cut.inside)
    if finding.tissue != "csf":
        share *= cut.brain
    paint(cut.canvas, share, cut.tissue.signal(finding.tissue, finding.concentration))


PIXEL_SOFT = 4.0


def draw_tumour(cut: Cut, lesion: Lesion) -> tuple[Array, Array]:
    """Paint a tumour with its oedema; returns the voxels' shares of tumour and of oedema."""
    rough = cut.plane.field(lesion.outline)
    square = sum(
        ((p - np.float32(c)) * np.float32(1 / a)) ** 2
        for p, c, a in zip(cut.point, lesion.centre, lesion.axes, strict=True)
    )
    radius = np.sqrt(square) * (1 + np.float32(lesion.roughness) * rough)
    size = float(np.mean(lesion.axes))
    inside = (1 - radius) * np.float32(size)
    cavity = ramp(cut.inside) if lesion.kind != "pituitary" else ramp(cut.inside - 2)
    tissue = cavity if lesion.kind != "glioma" else cavity * np.maximum(cut.brain, 0.3)
    tumour = ramp(inside, lesion.infiltration) * tissue
    oedema = np.zeros_like(tumour)
    if lesion.oedema:
        reach = lesion.oedema * (1 + np.float32(0.5) * rough[::-1, ::-1])
        oedema = ramp(inside + reach, 8.0) * cut.brain * ramp(cut.inside - 5, 6)
        paint(cut.canvas, oedema * np.float32(0.85), cut.tissue.signal("oedema"))
        oedema = oedema * (1 - tumour)
    ring = np.exp(-(((radius - 0.85) / np.float32(0.16)) ** 2))
    dose = np.maximum(lesion.core + lesion.rim * ring, 0) * np.clip(1 + lesion.patchiness * rough[:, ::-1], 0.1, 2)
    paint(cut.canvas, tumour * (1 - tail(cut, lesion)), cut.tissue.signal("tumour", dose))
    if lesion.necrosis:
        paint(cut.canvas, ramp((lesion.necrosis - radius) * np.float32(size)) * tumour, cut.tissue.signal("necrosis", 0.02))
    return tumour, oedema

"""A head made of smooth functions of space, cut by a plane.

Coordinates are millimetres in an average head: x to the patient's left, y to the front, z up; the origin lies on the
midline between the clinoid processes, just above the sella turcica. Everything a patient has is a function of these
three, so that any number of slices in any plane belong to one and the same anatomy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthgain.sources.mr_signal import Array, Sample

NATIVE = 64
"""Pixels per side of an image as scanned."""
FIELD_OF_VIEW = 206.0
"""Millimetres per side."""
PIXEL = FIELD_OF_VIEW / NATIVE

Point = tuple[float, float, float]
Points = tuple[Array, Array, Array]
"""x, y and z of every pixel of a slice, mm."""

_OFFSETS = (np.arange(NATIVE) - (NATIVE - 1) / 2) * PIXEL
_VENTRICLES: tuple[tuple[Point, Point, float, float], ...] = (
    ((6.0, 33.0, 20.0), (5.0, 16.0, 29.0), 5.0, 4.5),
    ((5.0, 16.0, 29.0), (11.0, -16.0, 34.0), 4.5, 5.0),
    ((11.0, -16.0, 34.0), (24.0, -36.0, 23.0), 5.0, 6.5),
    ((24.0, -36.0, 23.0), (24.0, -56.0, 17.0), 6.5, 2.5),
    ((24.0, -36.0, 23.0), (32.0, -8.0, 2.0), 5.0, 2.0),
)
"""Lateral ventricle of one side as tapering tubes: from, to, radius at either end."""


def clip(values: Array) -> Array:
    """``values`` within 0 and 1; twice as fast as `numpy.clip` on a slice."""
    return np.minimum(np.maximum(values, 0), 1)


def ramp(distance: Array, width: float = PIXEL) -> Array:
    """Share of a voxel inside a surface, from the signed distance (mm, positive inside): partial volume."""
    return clip(distance / width + 0.5)


def paint(canvas: Array, share: Array, signal: Array | float) -> None:
    """Replace a share of each voxel's signal, in place."""
    canvas += share * (signal - canvas)


@dataclass(frozen=True)
class Waves:
    """A random smooth function of space: plane waves of isotropic direction, unit variance, no preferred place."""

    vectors: npt.NDArray[np.float64]
    phases: npt.NDArray[np.float64]

    @classmethod
    def draw(cls, random: np.random.Generator, length: float, count: int = 20) -> "Waves":
        """Wavelengths within 30 percent of ``length`` (mm)."""
        direction = random.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        number = 2 * np.pi / (length * random.uniform(0.77, 1.3, (count, 1)))
        return cls(direction * number, random.uniform(0, 2 * np.pi, count))


@dataclass(frozen=True)
class Plane:
    """A slice: the point of the head at its centre, and the directions of its columns and (upward) rows."""

    centre: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    up: npt.NDArray[np.float64]

    def points(self) -> Points:
        """x, y, z of every pixel, each ``(NATIVE, NATIVE)``, the first row being the front."""
        across, along = _OFFSETS[None, :], -_OFFSETS[:, None]
        centre, right, up = self.centre, self.right, self.up
        x, y, z = (centre[i] + across * right[i] + along * up[i] for i in range(3))
        return x, y, z

    def field(self, waves: Waves) -> Array:
        """``waves`` on the plane, ``(NATIVE, NATIVE)``.

        A plane wave on a plane factorises, ``cos(a + b) = cos a cos b - sin a sin b``. Summed by einsum, not by a
        matrix product: BLAS would start threads, which cost more than they save here and may change the last bits.
        """
        across = np.outer(waves.vectors @ self.right, _OFFSETS)
        along = np.outer(waves.vectors @ self.up, -_OFFSETS) + (waves.vectors @ self.centre + waves.phases)[:, None]
        columns = np.concatenate([np.cos(across), np.sin(across)])
        rows = np.concatenate([np.cos(along), -np.sin(along)])
        return np.einsum("mh,mw->hw", rows, columns) * np.sqrt(2 / len(waves.phases))


@dataclass(frozen=True)
class Head:
    """A patient's anatomy, without disease."""

    age: int
    sex: str
    scale: float
    """Size relative to the average head."""
    axes: tuple[float, float, float]
    """Half width, half length and height of the outer surface, mm."""
    lobes: npt.NDArray[np.float64]
    """Amplitude and phase of the outline's harmonics 1 to 4, ``(4, 2)``."""
    scalp: float
    skull: float
    marrow: float
    """Share of fat marrow in the middle of the skull."""
    sulci: float
    """Width of the sulci, mm; grows with age."""
    ventricles: float
    """Radius of the ventricles relative to a young adult's; grows with age."""
    asymmetry: float
    gland: tuple[float, float, float]
    """Half axes of the pituitary gland, mm."""
    plexus: float
    """Contrast agent in the choroid plexus, mM."""
    sinus: float
    """Contrast agent in the venous sinuses, mM."""
    folds: Waves
    texture: Waves

    @property
    def depth_of_brain(self) -> float:
        return self.scalp + self.skull

    def depth(self, x: Array, y: Array, z: Array) -> Array:
        """Distance below the skin, mm (negative outside); broadcasts."""
        width, length, height = self.axes
        angle = np.arctan2(y, x)
        outline = np.ones_like(angle)
        for order, (size, phase) in enumerate(self.lobes, start=1):
            outline += size * np.cos(order * angle + phase)
        flat = np.hypot(x / (width * (1 - 0.09 / length * y)), y / length) / outline
        radius = np.hypot(flat, np.maximum(z - 8, 0) / height)
        return (1 - radius) * (width + length) / 2


def draw_head(random: np.random.Generator) -> Head:
    """Draw a patient: age, sex and everything that follows from them."""
    age = int(np.clip(random.normal(54, 16), 20, 88))
    sex = "female" if random.random() < 0.5 else "male"
    ageing = (age - 20) / 68
    lobes = np.stack([random.normal(0, (0.004, 0.008, 0.008, 0.006)), random.uniform(0, 2 * np.pi, 4)], axis=1)
    return Head(
        age=age,
        sex=sex,
        scale=float(random.normal(1.015 if sex == "male" else 0.985, 0.025)),
        axes=(float(random.normal(76, 2)), float(random.normal(94, 2)), float(random.normal(98, 2))),
        lobes=lobes,
        scalp=float(random.uniform(3.5, 6.0)),
        skull=float(random.uniform(5.0, 8.0)),
        marrow=float(random.uniform(0.05, 0.4)),
        sulci=float(1.0 + 1.8 * ageing + random.normal(0, 0.25)),
        ventricles=float((0.75 + 0.75 * ageing) * np.exp(random.normal(0, 0.15))),
        asymmetry=float(random.normal(0, 0.1)),
        gland=(float(random.uniform(5, 7.5)), float(random.uniform(4, 6)), float(random.uniform(2.5, 4.5))),
        plexus=float(random.uniform(0.1, 0.5)),
        sinus=float(random.uniform(0.25, 0.8)),
        folds=Waves.draw(random, 26.0),
        texture=Waves.draw(random, 45.0),
    )


def tube(point: Points, start: Point, stop: Point, radii: tuple[Array | float, Array | float]) -> Array:
    """Signed distance (mm, positive inside) to a tapering tube from ``start`` to ``stop``."""
    axis = np.subtract(stop, start)
    x, y, z = (p - s for p, s in zip(point, start, strict=True))
    along = clip((x * axis[0] + y * axis[1] + z * axis[2]) / (axis @ axis))
    x, y, z = x - along * axis[0], y - along * axis[1], z - along * axis[2]
    return radii[0] + along * (radii[1] - radii[0]) - np.sqrt(x * x + y * y + z * z)


def ellipsoid(point: Points, centre: Point, axes: Point) -> Array:
    """Approximate signed distance (mm, positive inside) to an ellipsoid with half ``axes``."""
    x, y, z = ((p - c) / a for p, c, a in zip(point, centre, axes, strict=True))
    return (1 - np.sqrt(x * x + y * y + z * z)) * min(axes)


@dataclass
class Cut:
    """A slice under construction: the plane's coordinates, the signal so far, and where the brain is."""

    head: Head
    plane: Plane
    tissue: Sample
    point: Points
    """Coordinates of the skull, and of a lesion."""
    pushed: Points
    """Coordinates of the anatomy that a lesion has displaced."""
    swelling: Array
    """0 where sulci are open, 1 where a lesion has effaced them."""
    canvas: Array
    inside: Array
    """Signed distance to the inner table of the skull, mm."""
    cavity: Array
    """Share of each voxel inside the skull."""
    brain: Array
    """Share of brain tissue in each voxel."""

    def put(self, distance: Array, tissue: str, concentration: float = 0.0, share: Array | float = 1.0) -> None:
        """Fill a structure, given by its signed distance, with a tissue, within the cranial cavity."""
        if distance.max() > -PIXEL / 2:
            paint(self.canvas, ramp(distance) * share * self.cavity, self.tissue.signal(tissue, concentration))


def draw_anatomy(cut: Cut) -> None:
    """Paint the healthy head, from the outside inwards."""
    _coverings(cut)
    _cerebrum(cut)
    _posterior_fossa(cut)
    _deep_grey(cut)
    _ventricles(cut)
    _skull_base(cut)
    _vessels(cut)


def _coverings(cut: Cut) -> None:
    head, tissue = cut.head, cut.tissue
    depth = cut.inside + head.depth_of_brain
    paint(cut.canvas, ramp(depth), tissue.signal("fat"))
    temple = ramp(np.abs(cut.point[0]) - 38, 16) * ramp(10 - cut.point[2], 20)
    paint(cut.canvas, ramp(depth - 2.5) * temple, tissue.signal("muscle", 0.03))
    paint(cut.canvas, ramp(depth - head.scalp), tissue.signal("bone"))
    middle = head.scalp + head.skull / 2
    diploe = clip(1 - 2 * np.abs(depth - middle) / head.skull) * head.marrow
    paint(cut.canvas, diploe, tissue.signal("fat"))
    paint(cut.canvas, cut.cavity, tissue.signal("csf"))
    dura = clip(1 - np.abs(cut.inside) / PIXEL) * 0.3
    paint(cut.canvas, dura, tissue.signal("blood", 0.3))


def _cerebrum(cut: Cut) -> None:
    head = cut.head
    x, y, z = cut.pushed
    folds = cut.plane.field(head.folds)
    near_surface = clip((24 - cut.inside) / 14)
    fissure = np.abs(folds) * 5.5
    furrow = clip(1 - fissure / (head.sulci + 2.0)) * near_surface
    furrow *= (1 - cut.swelling) * min(1.0, 0.28 + 0.22 * head.sulci)
    interhemispheric = clip(1 - np.abs(x) / (1.6 + head.sulci))
    interhemispheric *= np.maximum(ramp(np.abs(y + 4) - 34, 10), ramp(z - 42, 8)) * 0.75
    gap = head.sulci * 0.8
    cut.brain = ramp(cut.inside - gap) * (1 - np.maximum(furrow, interhemispheric))
    paint(cut.canvas, cut.brain, cut.tissue.signal("grey"))
    cortex = 4.0 + 2.2 * np.clip(1.2 - fissure * 0.35, -1, 1) * near_surface
    white = ramp(cut.inside - gap - cortex, 2 * PIXEL) * (1 - near_surface * clip(1.1 - fissure / 4.5))
    white *= ramp(np.abs(x) - 4, 4)
    shade = 1 + 0.03 * cut.plane.field(head.texture)
    paint(cut.canvas, white, cut.tissue.signal("white") * shade)
    callosum = np.maximum(
        ellipsoid(cut.pushed, (0, 24, 30), (14, 7, 9)), ellipsoid(cut.pushed, (0, -34, 28), (16, 7, 9))
    )
    cut.put(callosum, "white")
    sylvian = ellipsoid((np.abs(x), y, z), (48, 8, 8), (14, 2.5 + head.sulci, 14))
    cut.put(sylvian, "csf", share=0.75)


def _posterior_fossa(cut: Cut) -> None:
    x, y, z = cut.pushed
    side = np.abs(x)
    lobe = ellipsoid((side, y, z), (24, -52, -16), (29, 26, 24))
    cut.put(lobe + 1.5, "csf", share=0.6)
    cut.put(lobe, "grey")
    folia = 0.5 + 0.5 * np.sin(y * 0.75 + np.abs(x) * 0.3)
    paint(cut.canvas, ramp(lobe - 7, 8) * (0.45 + 0.25 * folia) * cut.cavity, cut.tissue.signal("white"))
    fossa = ellipsoid(cut.pushed, (0, -13, 0), (20, 19, 20))
    cut.put(fossa, "csf", share=0.8)
    stem = ellipsoid(cut.pushed, (0, -15, -6), (16, 14.5, 30))
    cut.put(stem, "white")
    cut.put(ellipsoid(cut.pushed, (0, -34, -14), (7 * cut.head.ventricles, 5, 10)), "csf")


def _deep_grey(cut: Cut) -> None:
    x, y, z = cut.pushed
    mirrored = (np.abs(x), y, z)
    for centre, axes in (((11, -9, 20), (9, 14, 10)), ((25, 7, 18), (7, 15, 11)), ((13, 19, 26), (5, 9, 10))):
        cut.put(ellipsoid(mirrored, centre, axes), "deep_grey")


def _ventricles(cut: Cut) -> None:
    head = cut.head
    x, y, z = cut.pushed
    side = np.abs(x)
    size = head.ventricles * (1 + head.asymmetry * np.sign(x))
    inside = np.full_like(x, -99)
    for start, stop, first, second in _VENTRICLES:
        inside = np.maximum(inside, tube((side, y, z), start, stop, (first * size, second * size)))
    cut.put(inside, "csf")
    cut.put(ellipsoid(cut.pushed, (0, -6, 16), (1.5 + 2 * head.ventricles, 14, 11)), "csf")
    plexus = ellipsoid((side, y, z), (22, -35, 25), (3.5, 7, 6))
    cut.put(np.minimum(plexus, inside + 1), "grey", head.plexus)


def _skull_base(cut: Cut) -> None:
    """Suprasellar cistern, carotids, cavernous sinus, the normal gland, sphenoid and petrous bone."""
    x, y, z = cut.point
    mirrored = (np.abs(x), y, z)
    cut.put(ellipsoid(cut.point, (0, 14, 4), (13, 12, 8)), "csf")
    cut.put(ellipsoid(cut.point, (0, 20, -14), (30, 17, 9)), "bone")
    cut.put(ellipsoid(mirrored, (36, -12, -18), (24, 7, 12)), "bone")
    cut.put(ellipsoid(mirrored, (34, 38, -13), (27, 6, 9)), "bone", share=0.8)
    cut.put(ellipsoid(mirrored, (14, 12, -5), (4.5, 9, 6)), "blood", 0.7 * cut.head.sinus)
    cut.put(ellipsoid(mirrored, (13, 14, 1), (2.8, 2.8, 9)), "bone")
    cut.put(ellipsoid(cut.pushed, (0, 13, -3.5), cut.head.gland), "gland", 0.4)


def _vessels(cut: Cut) -> None:
    """Venous sinuses along the midline and the tentorium's edge."""
    head = cut.head
    x, y, z = cut.point
    behind = ramp(-20 - y, 10)
    rim = np.abs(cut.inside - 2.5)
    cut.put(4.5 - np.hypot(x, rim), "blood", head.sinus, behind)
    cut.put(4.0 - np.hypot(z + 2, rim), "blood", head.sinus, behind)
    cut.put(tube(cut.point, (0, -40, 30), (0, -84, 6), (2.0, 3.0)), "blood", head.sinus)

"""Pictures of images: small PNGs as data URIs, chosen by rule and never by eye."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from synthgain.arms.arm import CONTROLS
from synthgain.dataset import ImageSet
from synthgain.report.wording import generator_order

Pixels = npt.NDArray[np.uint8]
DIFFERENCE_FULL_SCALE = 64
"""Grey levels of difference that are drawn white."""
PER_STRIP = 8
_FOR, _AGAINST = np.array([230.0, 159.0, 0.0]), np.array([86.0, 180.0, 233.0])
"""`drawing.ORANGE` and `drawing.SKY`, distinguishable with any form of colour blindness."""
LARGEST = 192
"""Side in pixels above which a picture is made smaller for the page."""


def data_uri(content: bytes, kind: str) -> str:
    """``content`` as a ``data:`` address; ``kind`` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def png_uri(image: Pixels) -> str:
    """An image uint8 ``(C, H, W)``, grey or RGB, as the address of a PNG."""
    stream = io.BytesIO()
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    picture.save(stream, format="PNG", optimize=True)
    return data_uri(stream.getvalue(), "image/png")


def difference(first: Pixels, second: Pixels) -> Pixels:
    """Absolute difference of two images uint8 ``(C, H, W)``, stretched so that `DIFFERENCE_FULL_SCALE` is white."""
    apart = np.abs(first.astype(np.int16) - second.astype(np.int16))
    return np.minimum(apart * (255 / DIFFERENCE_FULL_SCALE), 255).astype(np.uint8)


def overlay(image: Pixels, saliency: npt.NDArray[np.floating[Any]]) -> Pixels:
    """A map ``(H, W)`` in [-1, 1] over an image uint8 ``(C, H, W)``: orange speaks for the class, blue against it."""
    base = np.broadcast_to(image, (3, *image.shape[1:])).astype(np.float64)
    strength = np.abs(saliency.astype(np.float64))
    colour = np.where(saliency >= 0, _FOR[:, None, None], _AGAINST[:, None, None])
    return (base + strength * (colour - base)).round().astype(np.uint8)


def marked(image: Pixels, mask: npt.NDArray[np.uint8]) -> Pixels:
    """An image uint8 ``(C, H, W)`` with what lies in the mask ``(H, W)`` tinted."""
    return overlay(image, 0.6 * (mask > 0))


def latent_strip(images: Pixels, name: str, generator: str) -> dict[str, Any]:
    """A strip of images uint8 ``(n, C, H, W)`` that a generator drew to show what ``name`` does."""
    pictures = [png_uri(image) for image in images]
    return {"name": name, "about": f"{len(images)} images drawn by {generator}: {name}", "pictures": pictures}


def real_rows(images: ImageSet, label: str, count: int) -> npt.NDArray[np.intp]:
    """The first training images of a class, each from another patient (or group) as far as there are enough."""
    table = images.table
    rows = np.flatnonzero(((table["split"] == "train") & (table["label"] == label)).to_numpy())
    repeated = table.iloc[rows]["group"].duplicated().to_numpy()
    return np.concatenate([rows[~repeated], rows[repeated]])[:count]


def synthetic_rows(images: ImageSet, label: str, count: int) -> npt.NDArray[np.intp]:
    """The first kept synthetic images of a class."""
    table = images.table
    return np.flatnonzero((table["kept"].astype(bool) & (table["label"] == label)).to_numpy())[:count]


def pictures(images: ImageSet, rows: npt.NDArray[np.intp]) -> list[str]:
    return [png_uri(np.asarray(images.images[row])) for row in rows]


def by_class(real: ImageSet, synthetic: Mapping[str, ImageSet], count: int = PER_STRIP) -> list[dict[str, Any]]:
    """For each class a strip of real training images and one of what each generator made, copies aside."""
    shown = [name for name in generator_order(synthetic) if name != "copies"]
    return [
        {
            "label": label,
            "strips": [_strip(real, real_rows(real, label, count), "real", label)]
            + [_strip(synthetic[name], synthetic_rows(synthetic[name], label, count), name, label) for name in shown],
        }
        for label in real.classes
    ]


def _strip(images: ImageSet, rows: npt.NDArray[np.intp], name: str, label: str) -> dict[str, Any]:
    return {
        "name": f"{name} (control)" if name in CONTROLS else name,
        "about": f"{len(rows)} images of class {label}, {'real' if name == 'real' else f'drawn by {name}'}",
        "pictures": pictures(images, rows),
        "why": "no image of this class was kept",
    }

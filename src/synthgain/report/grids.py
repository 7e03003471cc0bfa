"""Pictures of images: small PNGs as data URIs, chosen by rule and never by eye."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from synthgain.dataset import ImageSet

Pixels = npt.NDArray[np.uint8]
DIFFERENCE_FULL_SCALE = 64
"""Grey levels of difference that are drawn white."""


def data_uri(content: bytes, kind: str) -> str:
    """``content`` as a ``data:`` address; ``kind`` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def png_uri(image: Pixels) -> str:
    """An image uint8 ``(C, H, W)``, grey or RGB, as the address of a PNG with its own pixels."""
    stream = io.BytesIO()
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=True)
    return data_uri(stream.getvalue(), "image/png")


def difference(first: Pixels, second: Pixels) -> Pixels:
    """Absolute difference of two images uint8 ``(C, H, W)``, stretched so that `DIFFERENCE_FULL_SCALE` is white."""
    apart = np.abs(first.astype(np.int16) - second.astype(np.int16))
    return np.minimum(apart * (255 / DIFFERENCE_FULL_SCALE), 255).astype(np.uint8)


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

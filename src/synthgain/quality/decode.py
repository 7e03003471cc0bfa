"""From the bytes of one image, whatever its format and size, to uint8 ``(C, S, S)``, or to the reason why not."""

import hashlib
import re
import struct
import warnings
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import TAGS

from synthgain.sources.personal import identifies
from synthgain.sources.record import LARGEST_RATIO, SMALL, Record, Unusable

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
THUMB = 64
"""Side of the grey image by which near-duplicates are found."""
WINDOW = (0.5, 99.5)
"""Percentiles of an image with more than 8 bits that become black and white."""
FEWEST_LEVELS = 32
"""Grey levels that an image must use where only the upper byte of 16 bits can be read."""
_PNG = b"\x89PNG\r\n\x1a\n"
_BINARY = ("exif", "icc_profile", "photoshop", "xmp")
_NAMED = re.compile(r"^[\W\d_]*([A-Za-z][\w '-]{1,40})[:=]", re.MULTILINE)
_LONGEST_TEXT = 65536
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


class Target(NamedTuple):
    """What every image becomes."""

    size: int
    channels: int
    max_pixels: int

    @property
    def enough(self) -> int:
        """Side of an image from which both the target and the thumbnail can be made without loss."""
        return max(3 * self.size, 2 * THUMB)


class Decoded(NamedTuple):
    """One image that can be used."""

    pixels: npt.NDArray[np.uint8]
    """``(C, S, S)``."""
    thumb: npt.NDArray[np.uint8]
    """``(64, 64)``, grey."""
    width: int
    height: int
    mode: str
    """Pillow's mode or NumPy's dtype, as it was stored."""
    low: float
    """The stored value that became black."""
    high: float
    """The stored value that became white."""
    content: str
    """SHA-256 of the stored bytes."""
    sha256: str
    """SHA-256 of the target pixels."""
    mean: float
    """Of the target pixels."""
    std: float
    lowest: int
    highest: int


class Refusal(NamedTuple):
    """Why an image is in quarantine."""

    origin: str
    reason: str
    detail: str


def decode_all(records: Sequence[Record], target: Target) -> list[Decoded | Refusal]:
    """`decode` for each record, in order."""
    with warnings.catch_warnings():
        # The number of pixels is checked against the configured limit instead.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return [_decode_or_refuse(record, target) for record in records]


def _decode_or_refuse(record: Record, target: Target) -> Decoded | Refusal:
    try:
        return decode(record.load(), target)
    except Unusable as unusable:
        return Refusal(record.origin, unusable.reason, unusable.detail)
    except MemoryError:
        return Refusal(record.origin, "too many pixels", "not enough memory to decode it")


def decode(content: bytes | npt.NDArray[np.generic], target: Target) -> Decoded:
    """Decode fully, turn upright, pad to a square with the border's median, resample with antialiasing.

    8-bit images keep their grey levels; deeper ones are mapped linearly from their own 0.5 and 99.5 percentiles to 0
    and 255. Transparency becomes black. Colour becomes luminance (ITU-R BT.601) where one channel is wanted.

    Raises
    ------
    Unusable
        No known format, damaged, too many pixels or too many for its bytes (told from the header, before anything is
        inflated), several pages, NaN or infinite values, constant, tags that name a person.
    """
    stored = _from_file(content, target) if isinstance(content, bytes) else _from_array(content, target.max_pixels)
    square = _square(_with_mode(stored.image, "L" if target.channels == 1 else "RGB"), target.max_pixels)
    # A box filter by a whole factor first, once for both sizes; Lanczos still sees three times as much as it makes.
    factor = square.width // target.enough
    square = square.reduce(factor) if factor > 1 else square
    pixels = np.asarray(_resample(square, target.size))
    pixels = pixels[None] if target.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    lowest, highest = int(pixels.min()), int(pixels.max())
    if lowest == highest:
        raise Unusable("constant image", f"every pixel is {lowest}")
    thumb = np.asarray(_with_mode(square, "L").resize((THUMB, THUMB), Image.Resampling.BOX))
    content_bytes = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return Decoded(
        pixels, thumb, stored.width, stored.height, stored.mode, stored.low, stored.high,
        content=hashlib.sha256(content_bytes).hexdigest(), sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        mean=float(pixels.mean()), std=float(pixels.std()), lowest=lowest, highest=highest,
    )  # fmt: skip


class _Stored(NamedTuple):
    """A fully decoded image with 8 bits per channel, and the facts of `Decoded` on how it was stored."""

    image: Image.Image
    width: int
    height: int
    mode: str
    low: float = 0.0
    high: float = 255.0


def _from_file(content: bytes, target: Target) -> _Stored:
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
        width, height = image.size
        _check_size(width, height, target.max_pixels)
        _check_ratio(image, len(content))
        if image.format == "PNG":
            _check_png(content)
        if image.format in ("PNG", "TIFF") and getattr(image, "n_frames", 1) > 1:
            raise Unusable("several images in one file")
        if image.format == "JPEG":
            image.draft("L" if target.channels == 1 else "RGB", (target.enough, target.enough))
        encoding = str(image.tile)
        image.load()
        _check_tags(image)
        ImageOps.exif_transpose(image, in_place=True)
    except UnidentifiedImageError:
        raise Unusable("not an image", f"none of {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise Unusable("too many pixels", f"at most {target.max_pixels}") from None
    except Unusable:
        raise
    except Exception as error:  # a decoder that is fed damaged bytes raises anything
        raise Unusable("damaged image", _said(error)) from None
    stored = _eight_bit(image, width, height, encoding)
    if _deep(image.mode) and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        # Pillow inverts such TIFF files itself where they have 8 bits.
        return stored._replace(image=ImageOps.invert(stored.image), low=stored.high, high=stored.low)
    return stored


def _check_tags(image: Image.Image) -> None:
    """Refuse an image whose tags, or ``name: value`` lines in their texts, name a person; values are not repeated."""
    tags = {TAGS.get(key, str(key)): value for key, value in image.getexif().items()} | image.info
    texts = [value if isinstance(value, str) else value.decode("latin-1") for name, value in tags.items()
             if isinstance(value, str | bytes) and name not in _BINARY]  # fmt: skip
    named = [found.strip() for text in texts for found in _NAMED.findall(text[:_LONGEST_TEXT])]
    for name in (*map(str, tags), *(each for each in named if each.casefold() != "name")):
        if identifies(name):
            raise Unusable("personal data in the tags of the file", f"{name}; write the image without it")


def _deep(mode: str) -> bool:
    return mode in ("F", "I") or mode.startswith("I;16")


def _eight_bit(image: Image.Image, width: int, height: int, encoding: str) -> _Stored:
    mode = image.mode
    if _deep(mode):
        levels, low, high = _window(np.asarray(image))
        return _Stored(Image.fromarray(levels), width, height, mode, low, high)
    if mode in ("P", "LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA"))
    image = _with_mode(image, "L" if mode in ("1", "L") else "RGB")
    if ";16" not in encoding:
        return _Stored(image, width, height, mode)
    # Of 16-bit colour, Pillow keeps the upper byte.
    levels, low, high = _window(np.asarray(image))
    if high - low < FEWEST_LEVELS:
        raise Unusable("16-bit colour with few levels", "its range is too narrow to be read; save it as 16-bit grey")
    return _Stored(Image.fromarray(levels), width, height, f"{mode};16", 256 * low, 256 * high)


def _from_array(array: npt.NDArray[np.generic], max_pixels: int) -> _Stored:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or array.dtype.kind not in "uifb":
        raise Unusable("not an image", f"array of {array.dtype} {array.shape}")
    height, width = array.shape[:2]
    _check_size(width, height, max_pixels)
    mode = str(array.dtype)
    array = np.ascontiguousarray(array[:, :, :3] if array.ndim == 3 else array)
    if array.dtype == np.uint8:
        return _Stored(Image.fromarray(array), width, height, mode)
    levels, low, high = _window(array)
    return _Stored(Image.fromarray(levels), width, height, mode, low, high)


def _check_size(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise Unusable("too many pixels", f"{width} x {height}; at most {most}")
    if not width or not height:
        raise Unusable("not an image", "no pixels")


def _check_ratio(image: Image.Image, stored: int) -> None:
    inflated = image.width * image.height * len(image.getbands()) * (4 if _deep(image.mode) else 1)
    if inflated > max(SMALL, LARGEST_RATIO * stored):
        raise Unusable(
            "too many pixels for its bytes", f"from {stored} to {inflated} bytes; at most {LARGEST_RATIO} times"
        )


def _window(stored: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], float, float]:
    values: npt.NDArray[np.floating[Any]] = stored.astype(np.float32 if stored.dtype.itemsize <= 2 else np.float64)
    if not np.isfinite(values).all():
        raise Unusable("NaN or infinite values", f"{np.count_nonzero(~np.isfinite(values))} pixels")
    low, high = (float(np.percentile(values, share)) for share in WINDOW)
    if low == high:
        low, high = float(values.min()), float(values.max())
    if low == high:
        raise Unusable("constant image", f"every pixel is {low:g}")
    levels = np.rint((np.clip(values, low, high) - low) * (255 / (high - low)))
    return levels.astype(np.uint8), low, high


def _square(image: Image.Image, most: int) -> Image.Image:
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    if side**2 > most:
        raise Unusable("too many pixels", f"{width} x {height}, padded to a square of {side**2}; at most {most}")
    array = np.asarray(image)
    border = np.concatenate([array[0], array[-1], array[:, 0], array[:, -1]])
    grey = np.rint(np.median(border, axis=0)).astype(int)
    square = Image.new(image.mode, (side, side), int(grey) if grey.ndim == 0 else tuple(grey.tolist()))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square


def _with_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _resample(image: Image.Image, size: int) -> Image.Image:
    return image if image.width == size else image.resize((size, size), Image.Resampling.LANCZOS)


def _check_png(content: bytes) -> None:
    """Verify the CRC of every chunk: Pillow leaves that of the pixels unread."""
    position = len(_PNG)
    while position + 12 <= len(content):
        length, kind = struct.unpack(">I4s", content[position : position + 8])
        end = position + 12 + length
        if end > len(content):
            break
        if zlib.crc32(content[position + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise Unusable("damaged image", "PNG checksum differs")
        if kind == b"IEND":
            return
        position = end
    raise Unusable("damaged image", "PNG ends early")


def _said(error: Exception) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {error}")[:200]

"""Any image becomes uint8 of the target size, or there is a reason why not; never a crash."""

import re
import resource
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from synthgain.quality.decode import Decoded, Target, decode
from synthgain.sources.record import Unusable

GREY, COLOUR = Target(32, 1, 1_000_000), Target(32, 3, 1_000_000)
CAP = 200 << 10
"""KiB by which no file, however damaged, may raise the peak memory of a process; one bomb that is inflated would."""


@pytest.fixture(scope="module", autouse=True)
def _memory_stays_under_the_cap() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < CAP


def picture(width: int = 48, height: int = 48, top: int = 255) -> np.ndarray:
    """A bright blob, off the centre, on a ramp; int (H, W) from 0 to top."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    image = 0.3 * (x + 1) / 2 + 0.7 * np.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2) / 0.1)
    return np.rint(image / image.max() * top).astype(np.int64)


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


def reason(content: bytes | np.ndarray, target: Target = GREY) -> str:
    with pytest.raises(Unusable) as caught:
        decode(content, target)
    return caught.value.reason


def shown(content: bytes | np.ndarray, target: Target = GREY) -> np.ndarray:
    return decode(content, target).pixels.astype(int)


def with_text(key: str, text: str) -> bytes:
    info = PngInfo()
    info.add_text(key, text)
    return encoded(picture().astype(np.uint8), pnginfo=info)


def with_description(kind: str, text: str) -> bytes:
    tags = Image.Exif()
    tags[270] = text
    return encoded(picture().astype(np.uint8), kind, exif=tags)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (with_text("PatientName", "Doe^Jane"), "PatientName"),
        (with_text("Comment", "Modality: MR\nPatient's Birth Date: 1970-01-01"), "Patient's Birth Date"),
        (with_description("TIFF", "(0010,0010) PatientName=Doe^Jane"), "PatientName"),
        (with_description("JPEG", "Patient Name: Jane Doe"), "Patient Name"),
    ],
)
def test_tags_that_name_a_person_are_refused_without_repeating_them(content: bytes, name: str) -> None:
    with pytest.raises(Unusable) as caught:
        decode(content, GREY)
    assert caught.value.reason == "personal data in the tags of the file"
    assert name in caught.value.detail
    assert not {"Doe", "Jane", "1970"} & set(re.findall(r"\w+", caught.value.detail))


@pytest.mark.parametrize("content", [
    with_text("Software", "scanner 3"), with_text("Comment", "Name: head.tif\nSlices=4"),
    with_description("TIFF", "ImageJ=1.53\nimages=1"), with_description("JPEG", "axial T1"),
])  # fmt: skip
def test_other_tags_do_no_harm(content: bytes) -> None:
    assert decode(content, GREY).pixels.shape == (1, 32, 32)


MODES = {
    "L": lambda image: Image.fromarray(image.astype(np.uint8)),
    "RGB": lambda image: Image.fromarray(image.astype(np.uint8)).convert("RGB"),
    "RGBA": lambda image: Image.fromarray(image.astype(np.uint8)).convert("RGBA"),
    "LA": lambda image: Image.fromarray(image.astype(np.uint8)).convert("LA"),
    "P": lambda image: Image.fromarray(image.astype(np.uint8)).convert("P"),
    "CMYK": lambda image: Image.fromarray(image.astype(np.uint8)).convert("RGB").convert("CMYK"),
    "I;16": lambda image: Image.fromarray((image * 257).astype(np.uint16)),
    "I": lambda image: Image.fromarray((image * 1000 - 5).astype(np.int32)),
    "F": lambda image: Image.fromarray((image / 1000).astype(np.float32)),
}
STORED = [
    *(("PNG", mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "I;16")),
    *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    *(("TIFF", mode) for mode in ("L", "RGB", "RGBA", "P", "I;16", "I", "F")),
    *(("BMP", mode) for mode in ("L", "RGB", "P")),
]


@pytest.mark.parametrize("size", [(48, 48), (32, 32), (20, 20), (300, 300), (64, 40), (37, 90)])
@pytest.mark.parametrize(("kind", "mode"), STORED)
def test_every_format_mode_and_size_shows_the_same_picture(kind: str, mode: str, size: tuple[int, int]) -> None:
    image = picture(*size)
    options = {"quality": 95} if kind == "JPEG" else {}
    found = decode(encoded(MODES[mode](image), kind, **options), GREY)
    expected = decode(image.astype(np.uint8), GREY)
    assert found.pixels.shape == (1, 32, 32)
    assert found.pixels.dtype == found.thumb.dtype == np.uint8
    assert found.thumb.shape == (64, 64)
    assert (found.width, found.height) == size
    assert np.abs(found.pixels.astype(int) - expected.pixels).mean() < (6 if mode in ("I;16", "I", "F", "P") else 2.5)


@pytest.mark.parametrize(("kind", "mode"), STORED)
def test_three_channels(kind: str, mode: str) -> None:
    found = decode(encoded(MODES[mode](picture()), kind), COLOUR)
    assert found.pixels.shape == (3, 32, 32)
    assert np.ptp(found.pixels.astype(int), axis=0).max() <= 16


def test_eight_bit_images_of_the_target_size_are_kept_as_they_are() -> None:
    image = np.random.default_rng(0).integers(40, 90, (32, 32), dtype=np.uint8)
    found = decode(encoded(image), GREY)
    assert np.array_equal(found.pixels[0], image)
    assert (found.mode, found.low, found.high) == ("L", 0, 255)


def test_deeper_images_are_scaled_by_their_own_percentiles_which_are_recorded() -> None:
    image = np.linspace(1000, 3000, 32 * 32).reshape(32, 32)
    image[0, 0] = 60_000
    found = decode(encoded(image.astype(np.uint16)), GREY)
    assert found.mode == "I;16"
    assert found.low == pytest.approx(1010, abs=3)
    assert found.high == pytest.approx(2991, abs=8)
    assert (found.pixels.min(), found.pixels.max()) == (0, 255)
    assert found.pixels[0, 16, 0] == pytest.approx(127, abs=2)


def test_non_square_images_are_padded_with_the_median_of_their_border() -> None:
    image = np.full((20, 40), 200, np.uint8)
    image[0, :], image[5:15, 10:30] = 90, 10
    pixels = shown(image, Target(40, 1, 10_000))[0]
    assert (pixels[:8] == 200).all()
    assert (pixels[-8:] == 200).all()
    assert (pixels[18:22, 15:25] == 10).all()


def test_images_stored_turned_are_turned_upright() -> None:
    image = picture().astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    content = encoded(np.rot90(image), "PNG", exif=exif)
    assert np.array_equal(shown(content), shown(image))


def test_transparent_is_black() -> None:
    image = np.dstack([np.full((32, 32, 3), 200, np.uint8), np.zeros((32, 32), np.uint8)])
    image[8:24, 8:24, 3] = 255
    pixels = shown(encoded(image))[0]
    assert pixels[0, 0] == 0
    assert pixels[16, 16] == 200


def test_sixteen_bit_colour_is_read_or_refused_where_it_would_lose_its_levels() -> None:
    image = picture(top=65_535)
    found = decode(_png_16_bit_colour(image), GREY)
    assert found.mode == "RGB;16"
    assert np.abs(found.pixels.astype(int) - shown(image.astype(np.uint16))).mean() < 4
    assert reason(_png_16_bit_colour(picture(top=4095))) == "16-bit colour with few levels"


def test_white_is_zero_in_some_tiff_files() -> None:
    image = picture(top=60_000).astype(np.uint16)
    dark_is_high = encoded(image.max() - image, "TIFF", tiffinfo={262: 0})
    assert np.abs(shown(dark_is_high) - shown(image)).max() <= 2


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, np.float64, bool])
def test_arrays(kind: type) -> None:
    image = picture(top=1000)
    found = decode((image > 400) if kind is bool else image.astype(kind), GREY)
    assert found.mode == np.dtype(kind).name
    assert found.pixels.max() > 200
    assert decode(np.dstack([picture()] * 3).astype(np.uint8), COLOUR).pixels.shape == (3, 32, 32)


def test_what_cannot_be_used_has_a_reason() -> None:
    nan = picture().astype(np.float32)
    nan[3, 4] = np.nan
    assert reason(encoded(nan, "TIFF")) == "NaN or infinite values"
    assert reason(np.where(picture() > 250, np.inf, picture())) == "NaN or infinite values"
    assert reason(np.full((40, 40), 7, np.uint8)) == "constant image"
    assert reason(encoded(np.full((40, 40), 700, np.uint16))) == "constant image"
    assert reason(b"") == "not an image"
    assert reason(b"GIF89a" + bytes(40)) == "not an image"
    assert reason(np.zeros((3, 4, 5, 6), np.uint8)) == "not an image"
    assert reason(np.zeros((0, 4), np.uint8)) == "not an image"
    pages = [Image.fromarray(picture(top=top).astype(np.uint8)) for top in (255, 200)]
    assert reason(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])) == "several images in one file"


def test_bombs_are_refused_by_what_their_header_says() -> None:
    assert reason(_png_header(60_000, 60_000)) == "too many pixels"
    assert reason(_png_header(4000, 4000)) == "too many pixels"
    assert reason(encoded(picture().astype(np.uint8)), Target(32, 1, 1000)) == "too many pixels"
    assert reason(np.broadcast_to(np.zeros(1, np.uint8), (5000, 5000))) == "too many pixels"


def test_a_bomb_within_the_limit_of_pixels_is_refused_by_its_ratio() -> None:
    assert reason(_png_header(9000, 9000), Target(32, 1, 100_000_000)) == "too many pixels for its bytes"


def test_the_same_content_has_the_same_hashes() -> None:
    content = encoded(picture().astype(np.uint8))
    one, two = decode(content, GREY), decode(content, GREY)
    other = decode(encoded(picture(top=250).astype(np.uint8)), GREY)
    assert (one.sha256, one.content) == (two.sha256, two.content)
    assert one.sha256 != other.sha256
    assert one.content != other.content


def test_a_strip_whose_square_has_too_many_pixels_is_refused() -> None:
    with pytest.raises(Unusable, match="20000 x 4, padded to a square of 400000000"):
        decode(encoded(picture(20_000, 4).astype(np.uint8)), GREY)


def outcome(content: bytes) -> Decoded | str:
    try:
        return decode(content, GREY)
    except Unusable as unusable:
        return f"{unusable.reason}: {unusable.detail}"


WHOLE = {
    ("PNG", "L"): encoded(picture(24, 20).astype(np.uint8)),
    ("PNG", "I;16"): encoded(picture(24, 20, 4000).astype(np.uint16)),
    ("JPEG", "L"): encoded(picture(24, 20).astype(np.uint8), "JPEG"),
    ("JPEG", "RGB"): encoded(MODES["RGB"](picture(24, 20)), "JPEG", progressive=True),
    ("TIFF", "L"): encoded(picture(24, 20).astype(np.uint8), "TIFF", compression="tiff_deflate"),
    ("TIFF", "F"): encoded(picture(24, 20).astype(np.float32), "TIFF"),
    ("BMP", "L"): encoded(picture(24, 20).astype(np.uint8), "BMP"),
}


@pytest.mark.parametrize("which", WHOLE, ids=str)
def test_a_file_cut_anywhere_is_read_equal_or_refused(which: tuple[str, str]) -> None:
    whole = WHOLE[which]
    expected = decode(whole, GREY).pixels
    for length in range(len(whole)):
        found = outcome(whole[:length])
        assert isinstance(found, str) or np.array_equal(found.pixels, expected), length
    assert isinstance(outcome(whole[: len(whole) // 2]), str)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_file_with_changed_bytes_never_crashes_and_a_png_never_lies(data: st.DataObject) -> None:
    which = data.draw(st.sampled_from(list(WHOLE)))
    damaged = bytearray(WHOLE[which])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    found = outcome(bytes(damaged))
    if isinstance(found, str):
        assert found == outcome(bytes(damaged))  # no addresses: a reason is the same in every run
    else:
        assert found.pixels.shape == (1, 32, 32)
        # Only PNG carries checksums; what a flipped byte of another format makes cannot be told from a picture.
        assert which[0] != "PNG" or np.array_equal(found.pixels, decode(WHOLE[which], GREY).pixels)


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=300), head=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"BM"])
)
def test_noise_never_crashes(content: bytes, head: bytes) -> None:
    outcome(head + content)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with some pixels' worth of data."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")


def _png_16_bit_colour(image: np.ndarray) -> bytes:
    """Pillow cannot write 16-bit colour."""
    height, width = image.shape
    rows = np.repeat(image.astype(">u2")[:, :, None], 3, axis=2).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")

"""The page in a real browser: it fits a desktop and a phone, and prints whole."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthgain.report.page import Page

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
)  # fmt: skip
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


def browse(page: Path, *options: str) -> str:
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(rendered: Page, tmp_path: Path, width: int) -> None:
    # A headless window has a least width; a frame has none.
    page = tmp_path / "frame.html"
    page.write_text(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(rendered.html.decode())}"></iframe><script>'
        "document.querySelector('iframe').onload = event => { const inner = event.target.contentDocument;"
        "document.body.textContent = `width ${inner.documentElement.scrollWidth} of ${inner.defaultView.innerWidth}`}"
        "</script>"
    )
    found = re.search(r"width (\d+) of (\d+)", browse(page, "--dump-dom", "--virtual-time-budget=5000"))
    assert found, "the page did not load"
    assert int(found[1]) <= int(found[2]) == width


@pytest.mark.parametrize("width", [1280, 500])
def test_the_screen_is_filled_with_the_verdict_on_top(rendered: Page, tmp_path: Path, width: int) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "screen.png"
    page.write_bytes(rendered.html)
    browse(page, f"--screenshot={picture}", f"--window-size={width},1600")
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert pixels.shape[:2] == (1600, width)
    green = np.array([0x00, 0x69, 0x4D])
    assert np.abs(pixels[4, width // 2] - green).max() <= 8
    assert pixels[800:].std() > 10


def test_the_print_holds_what_the_screen_folds_away(rendered: Page, tmp_path: Path) -> None:
    page, print_out = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_bytes(rendered.html)
    browse(page, f"--print-to-pdf={print_out}", "--no-pdf-header-footer")
    assert print_out.read_bytes().startswith(b"%PDF")
    if (pdftotext := shutil.which("pdftotext")) is None:
        pytest.skip("pdftotext is not installed")
    words = subprocess.run([pdftotext, print_out, "-"], capture_output=True, text=True, check=True).stdout
    assert "learning_rate" in words
    assert "ends at byte 1024" in words


def test_the_calculator_counts_in_the_page(rendered: Page, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(rendered.html)
    shown = re.search(r'<output id="net">([^<]*)</output>', browse(page, "--dump-dom", "--virtual-time-budget=5000"))
    assert shown
    assert shown[1] == "−721 = −240 saved − 481 spent", "12 images of 20 less, an hour at 1, eight at 60"

"""Where pages that a person asks for may be written."""

from pathlib import Path

import pytest

from synthgain.errors import SynthgainError
from synthgain.paths import Paths


def test_pages_go_where_they_are_wanted(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "workspace")
    assert paths.pages("docs/results") == tmp_path / "workspace" / "docs" / "results"
    assert paths.pages("../pages") == paths.pages(str(tmp_path / "pages"), None) == tmp_path / "pages"


@pytest.mark.parametrize("to", ["data", "data/raw", "data/raw/mri", "docs/../data/report", "link", "scans", "{}/mri/a"])
def test_pages_among_the_data_are_refused(tmp_path: Path, to: str) -> None:
    paths = Paths(tmp_path / "workspace")
    paths.raw.mkdir(parents=True)
    (paths.root / "link").symlink_to(paths.raw)
    with pytest.raises(SynthgainError, match=r"^--to .*: lies in .*choose another folder"):
        paths.pages(to.format(tmp_path), "scans", str(tmp_path / "mri"))

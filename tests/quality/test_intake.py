"""Records become files and a thin table, in order, whatever the number of processes."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthgain.errors import KilledError
from synthgain.progress import Bar
from synthgain.quality import intake
from synthgain.quality.decode import Target
from synthgain.sources.record import Record, read_file, refuse


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    random = np.random.default_rng(0)
    for number in range(100):
        Image.fromarray(random.integers(0, 256, (20, 20), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def records(raw: Path, count: int) -> Iterator[Record]:
    for number in range(count):
        load = partial(refuse, "missing file") if number % 7 == 3 else partial(read_file, raw, f"{number}.png")
        extra = {"site": f"s{number}"} if number % 2 else {"mode": "old", "sex": "f"}
        yield Record(f"{number}.png", load, "ab"[number % 2], f"p{number}", "train", extra)


def taken(raw: Path, folder: Path, count: int = 40, workers: int = 1) -> intake.Intake:
    folder.mkdir()
    return intake.take_in(records(raw, count), Target(16, 1, 1000), workers, folder, Bar("toy", count))


def test_every_record_is_accepted_or_refused_and_files_follow_the_table(raw: Path, tmp_path: Path) -> None:
    found = taken(raw, tmp_path / "one")
    assert len(found.table) + len(found.refused) == 40
    assert [one.origin for one in found.refused] == [f"{number}.png" for number in range(40) if number % 7 == 3]
    pixels = np.fromfile(tmp_path / "one" / intake.PIXELS, np.uint8).reshape(-1, 16, 16)
    thumbs = np.fromfile(tmp_path / "one" / intake.THUMBS, np.uint8).reshape(-1, 64, 64)
    assert len(pixels) == len(thumbs) == len(found.table)
    assert np.allclose(found.table["pixel_mean"], pixels.mean((1, 2)), atol=1e-3)


def test_attributes_are_kept_beside_what_is_measured(raw: Path, tmp_path: Path) -> None:
    table = taken(raw, tmp_path / "one").table
    assert table.loc[table["origin"] == "2.png", ["given_mode", "mode", "sex", "site"]].to_numpy().tolist() == [
        ["old", "L", "f", ""]
    ]
    assert table.loc[table["origin"] == "1.png", ["given_mode", "sex", "site"]].to_numpy().tolist() == [["", "", "s1"]]
    assert (table["given_split"] == "train").all()


def test_pieces_of_the_table_fit_together(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = taken(raw, tmp_path / "one", 60)
    monkeypatch.setattr(intake, "_ROWS_PER_PIECE", 16)
    pieces = taken(raw, tmp_path / "two", 60)
    assert whole.table.equals(pieces.table)
    assert (whole.table.dtypes == pieces.table.dtypes).all()


def test_several_processes_give_the_same(raw: Path, tmp_path: Path) -> None:
    one, two = taken(raw, tmp_path / "one", 100), taken(raw, tmp_path / "two", 100, workers=2)
    assert one.table.equals(two.table)
    assert (one.refused, one.listed, one.digest) == (two.refused, two.listed, two.digest)
    for name in (intake.PIXELS, intake.THUMBS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_process_that_dies_while_it_decodes_is_told_and_nothing_hangs(tmp_path: Path) -> None:
    killed = partial(signal.raise_signal, signal.SIGKILL)
    with pytest.raises(KilledError, match=r"decodes images died \(out of memory\?\) at or after 0\.png"):
        intake.take_in([Record("0.png", killed, "a")], Target(16, 1, 1000), 2, tmp_path, Bar("toy", 1))


def test_the_listing_tells_whether_anything_was_said_differently(raw: Path) -> None:
    count, digest = intake.listing(records(raw, 20))
    assert (count, digest) == intake.listing(records(raw, 20))
    assert intake.listing(records(raw, 21)) != (21, digest)


def test_nothing_usable_gives_an_empty_table(tmp_path: Path) -> None:
    refused = [Record("x.png", partial(refuse, "missing file"), "a")]
    found = intake.take_in(refused, Target(16, 1, 1000), 1, tmp_path, Bar("toy", 1))
    assert found.table.empty
    assert len(found.refused) == 1

"""One image is read whole, from inside its folder, or there is a reason why not."""

import os
import pickle
from functools import partial
from pathlib import Path

import pytest

from synthgain.sources import record
from synthgain.sources.record import Unusable, read_file


def reason(folder: Path, name: str) -> str:
    with pytest.raises(Unusable) as caught:
        read_file(folder, name)
    return caught.value.reason


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"content")
    assert read_file(tmp_path, "a.png") == b"content"


def test_what_is_no_readable_file_inside_the_folder_has_a_reason(tmp_path: Path) -> None:
    folder, outside = tmp_path / "raw", tmp_path / "secret.png"
    folder.mkdir()
    outside.write_bytes(b"secret")
    (folder / "out.png").symlink_to(outside)
    (folder / "circle.png").symlink_to(folder / "circle.png")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    assert reason(folder, "out.png") == "link leads outside the folder"
    assert reason(folder, "../secret.png") == "link leads outside the folder"
    assert reason(folder, "circle.png") == "unreadable file"
    assert reason(folder, "gone.png") == "missing file"
    assert reason(folder, "folder.png") in ("unreadable file", "not a regular file")
    assert reason(folder, "pipe.png") == "not a regular file"


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"content")
    (tmp_path / "b.png").symlink_to("a.png")
    assert read_file(tmp_path, "b.png") == b"content"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    real, calls = os.fstat, []

    def fstat(handle: int) -> os.stat_result:
        if calls and isinstance(handle, int):
            path.write_bytes(b"after, and longer")
        calls.append(handle)
        return real(handle)

    monkeypatch.setattr(record.os, "fstat", fstat)
    assert reason(tmp_path, "a.png") == "file changed while it was read"


def test_too_large_a_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    monkeypatch.setattr(record, "LARGEST_FILE", 4)
    assert reason(tmp_path, "a.png") == "file too large"


def test_reasons_travel_between_processes() -> None:
    load = pickle.loads(pickle.dumps(partial(record.refuse, "missing file", "line 3")))
    with pytest.raises(Unusable) as caught:
        load()
    assert pickle.loads(pickle.dumps(caught.value)).detail == "line 3"

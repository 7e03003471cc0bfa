"""Class folders, with and without a level of splits; every file is accounted for."""

import os
from pathlib import Path

import pytest

from synthgain.errors import SynthgainError
from synthgain.sources import folder
from synthgain.sources.record import Record, Unusable


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def scan(root: Path) -> list[Record]:
    return list(folder.scan(folder.Config(), root))


def reason(found: Record) -> str:
    try:
        found.load()
    except Unusable as unusable:
        return unusable.reason
    return ""


def test_class_folders(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "a/10.JPG", "a/9.tiff", "b/deeper/1.bmp")
    found = scan(tmp_path)
    assert [(one.origin, one.label, one.split) for one in found] == [
        ("a/10.JPG", "a", ""), ("a/9.tiff", "a", ""), ("b/2.png", "b", ""), ("b/deeper/1.bmp", "b", ""),
    ]  # fmt: skip
    assert found[0].load() == b"a/10.JPG"


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "Testing"), ("TRAIN", "Validation", "Test")])
def test_a_level_of_splits_above_the_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path, *(f"{split}/{label}/1.png" for split in names for label in "ab"))
    assert {(one.split, one.label) for one in scan(tmp_path)} == {(split, label) for split in names for label in "ab"}


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "a/notes.txt", "b/.hidden", "readme.md")
    (tmp_path / "b/loop").symlink_to(tmp_path)
    (tmp_path / "b/out").symlink_to("/")
    (tmp_path / "b/self.png").symlink_to(tmp_path / "b/self.png")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert {one.origin: reason(one) for one in scan(tmp_path)} == {
        "a/1.png": "", "a/notes.txt": "not an image file", "b/.hidden": "not an image file",
        "readme.md": "not in a class folder", "b/loop": "link leads in a circle or outside the folder",
        "b/out": "link leads in a circle or outside the folder", "b/self.png": "unreadable file",
        "self": "not in a class folder",
    }  # fmt: skip


def test_names_that_cannot_be_printed_are_refused_under_an_escaped_name(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png")
    (tmp_path / "a" / "new\nline.png").write_bytes(b"x")
    (tmp_path / "a" / os.fsdecode(b"latin-\xff.png")).write_bytes(b"x")
    found = {one.origin: reason(one) for one in scan(tmp_path)}
    assert found == {
        "a/1.png": "", "a/new\\nline.png": "file name cannot be printed",
        "a/latin-\\udcff.png": "file name cannot be printed",
    }  # fmt: skip


def test_a_linked_class_folder_inside_the_data_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "store/x/2.png")
    (tmp_path / "b").symlink_to(tmp_path / "store" / "x")
    assert ("b/2.png", "b") in [(one.origin, one.label) for one in scan(tmp_path)]


def test_split_folders_beside_class_folders_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "glioma/1.png")
    with pytest.raises(SynthgainError, match=r"\['train'\] beside \['glioma'\]"):
        scan(tmp_path)


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    with pytest.raises(SynthgainError, match="no class folders"):
        scan(tmp_path)
    with pytest.raises(SynthgainError, match="no such folder"):
        scan(tmp_path / "nothing")

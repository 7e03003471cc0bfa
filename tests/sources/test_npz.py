"""The MedMNIST layout, read image by image; damage and code are refused."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgain.errors import SynthgainError
from synthgain.sources import npz
from synthgain.sources.record import Record


def arrays(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    values: dict[str, Any] = {}
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        values[f"{split}_images"] = random.integers(0, 256, (count, 5, 7), dtype=np.uint8)
        values[f"{split}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % 2
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def scan(path: Path, classes: tuple[str, ...] | None = ("normal", "sick")) -> list[Record]:
    return list(npz.scan(npz.Config(classes=classes), path))


def saved(path: Path, **changes: Any) -> Path:
    np.savez_compressed(path, **arrays(**changes))
    return path


def test_every_image_of_every_split(tmp_path: Path) -> None:
    found = scan(saved(tmp_path / "x.npz"))
    assert [one.split for one in found] == ["train"] * 6 + ["val"] * 2 + ["test"] * 3
    assert [one.label for one in found[:3]] == ["normal", "sick", "normal"]
    assert found[7].origin == "val_images/1"
    assert np.array_equal(found[7].load(), arrays()["val_images"][1])
    assert [one.label for one in scan(tmp_path / "x.npz", None)[:2]] == ["0", "1"]


def test_colour_and_depth_are_kept(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 60_000, (3, 4, 4, 3), dtype=np.uint16)
    found = scan(saved(tmp_path / "x.npz", test_images=deep))
    assert np.array_equal(found[-1].load(), deep[2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_labels": None}, "train_images without train_labels"),
        ({"train_labels": np.zeros((5, 1), np.uint8)}, r"shape \(6, 5, 7\), expected .* with N = 5"),
        ({"val_labels": np.full((2, 1), 9, np.uint8)}, r"val_labels\[0\] is 9; dataset.source.classes names 2"),
        ({"val_labels": np.zeros((2, 14), np.uint8)}, "expected whole numbers"),
        ({"test_images": np.asfortranarray(np.zeros((3, 4, 4), np.uint8))}, "Fortran order"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthgainError, match=message):
        scan(saved(tmp_path / "x.npz", **changes))


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    labels = np.empty(6, object)
    labels[:] = [Payload()] * 6
    with pytest.raises(SynthgainError, match="holds Python objects"):
        scan(saved(tmp_path / "x.npz", train_labels=labels))
    assert not (tmp_path / "ran").exists()


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "SMALL", 1000)
    with pytest.raises(SynthgainError, match="refused as a bomb"):
        scan(saved(tmp_path / "x.npz", train_images=np.zeros((6, 500, 500), np.uint8)))


def test_an_archive_of_very_many_members_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for number in range(npz.MOST_MEMBERS + 1):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(SynthgainError, match="it has 1001 members"):
        scan(tmp_path / "x.npz")


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path: Path) -> None:
    whole, lying = saved(tmp_path / "whole.npz"), tmp_path / "x.npz"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(lying, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(
                name, content.replace(b"(6, 5, 7)", b"(6, 9, 7)") if name == "train_images.npy" else content
            )
    with pytest.raises(SynthgainError, match=r"says it has shape \(6, 9, 7\)"):
        scan(lying)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no zip")
    with pytest.raises(SynthgainError, match=r"damaged, or not an \.npz"):
        scan(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", images=np.zeros(3))
    with pytest.raises(SynthgainError, match="none of train_images, val_images, test_images"):
        scan(tmp_path / "y.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_equal_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = saved(tmp_path / "whole.npz").read_bytes()
    damaged = bytearray(whole)
    if data.draw(st.booleans(), label="truncate"):
        del damaged[data.draw(st.integers(0, len(whole) - 1), label="length") :]
    else:
        for _ in range(data.draw(st.integers(1, 3), label="flips")):
            damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(damaged)
    try:
        found = scan(path)
    except SynthgainError:
        return
    split = [one.split for one in found]
    for name in ("train", "val", "test"):
        images = [one.load() for one, of in zip(found, split, strict=True) if of == name]
        assert not images or np.array_equal(np.stack(images), arrays()[f"{name}_images"])

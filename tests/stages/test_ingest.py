"""From raw files to the image set: everything is accounted for, no group in two splits, nothing left to chance."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from synthgain import artifact, config, dataset
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.quality import intake
from synthgain.stages import ingest


def texture(seed: int, side: int = 40) -> np.ndarray:
    """A smooth random image unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def class_folders(raw: Path, count: int = 30, classes: str = "ab", above: str = "") -> Path:
    for number in range(count):
        label = classes[number % len(classes)]
        save(raw / above / label / f"{number:03d}.png", texture(sum(map(ord, above)) * 1000 + number))
    return raw


def settings(raw: Path, kind: str = "folder", workers: int = 1, seed: int = 0, **changes: Any) -> config.Config:
    source = {"kind": kind, **changes.pop("source", {})}
    given = {"split": {"fractions": [0.2, 0.3]}, "image": {"size": 16}, "min_per_class": 1, **changes}
    return config.load({
        "seed": seed, "dataset": {"name": "toy", "source": source, "raw": str(raw), **given}, "generators": {},
        "classifier": {"kind": "cnn"}, "compute": {"workers": workers},
    })  # fmt: skip


def run(root: Path, cfg: config.Config, cell: int = 0) -> tuple[dataset.ImageSet, pd.DataFrame, dict[str, Any]]:
    ingest.run(cfg, Paths(root))
    paths = Paths(root).at(cfg.cells[cell])
    out = artifact.read(paths.out("ingest"))
    quarantine = pd.read_csv(out.file("quarantine.csv"), keep_default_na=False)
    return dataset.read(paths.out("ingest")), quarantine, out.json("facts.json")


def refused(root: Path, cfg: config.Config) -> str:
    with pytest.raises(SynthgainError) as caught:
        ingest.run(cfg, Paths(root))
    assert not Paths(root).out("ingest").exists()
    assert not list(Paths(root).data.glob(".*"))
    return str(caught.value)


def splits_of(images: dataset.ImageSet, column: str) -> pd.Series:
    used = images.table[images.table["split"] != "unused"]
    return used.groupby(column)["split"].nunique()


def test_a_folder_becomes_an_image_set(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw")
    (raw / "a" / "broken.png").write_bytes((raw / "a" / "000.png").read_bytes()[:60])
    (raw / "a" / "notes.txt").write_text("no image")
    images, quarantine, facts = run(tmp_path, settings(raw))
    assert images.classes == ("a", "b")
    assert images.shape == (1, 16, 16)
    assert set(images.table["split"]) == {"train", "val", "test"}
    assert images.table["image_id"].is_unique
    assert len(images) + len(quarantine) == 32
    assert quarantine[["origin", "reason"]].to_numpy().tolist() == [
        ["a/broken.png", "damaged image"], ["a/notes.txt", "not an image file"],
    ]  # fmt: skip
    assert (facts["images"], facts["quarantined"]) == (30, 2)
    assert facts["counts"]["test"]["a"] in ({"images": 4, "groups": 4}, {"images": 5, "groups": 5})


def test_rows_and_pixels_stay_together(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw")
    save(raw / "a" / "005copy.png", texture(4))
    images, _, _ = run(tmp_path, settings(raw, image={"size": 40}))
    for row, origin in enumerate(images.table["origin"]):
        assert np.array_equal(images.images[row, 0], np.asarray(Image.open(raw / origin)))


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw", 40)
    one = artifact.read(_ran(tmp_path / "one", settings(raw)).out("ingest"))
    two = artifact.read(_ran(tmp_path / "two", settings(raw, workers=2)).out("ingest"))
    other = artifact.read(_ran(tmp_path / "three", settings(raw, seed=1)).out("ingest"))
    assert one.sha256 == two.sha256
    assert one.manifest["files"]["images.npy"] == other.manifest["files"]["images.npy"]
    assert one.manifest["files"]["manifest.parquet"] != other.manifest["files"]["manifest.parquet"]
    assert str(tmp_path) not in (one.path / "manifest.json").read_text()
    assert not (tmp_path / "one" / ".synthgain" / "work" / "ingest" / "scratch").exists()


def test_mirrored_copies_share_a_split_and_may_carry_another_label(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw", 40)
    for number in range(20):
        save(raw / "ba"[number < 10] / f"mirror{number:03d}.png", texture(number)[:, ::-1])
    images, quarantine, facts = run(tmp_path, settings(raw))
    assert len(images) == 60
    assert quarantine.empty
    alike = images.table.groupby("duplicate_group")
    assert sorted(alike.size()) == [1] * 20 + [2] * 20
    assert splits_of(images, "duplicate_group").eq(1).all()
    assert int((alike["label"].nunique() > 1).sum()) == 10
    assert any(note.startswith("20 images have mirrored or turned copies of another label") for note in facts["notes"])


def test_an_artifact_knows_the_raw_data_that_it_came_from(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw", 20)
    before = artifact.read(_ran(tmp_path / "w", settings(raw)).out("ingest")).manifest["inputs"]
    content = (raw / "a" / "000.png").read_bytes()
    Image.open(raw / "a" / "000.png").save(raw / "a" / "000.png", compress_level=1)
    assert (raw / "a" / "000.png").read_bytes() != content
    after = artifact.read(_ran(tmp_path / "w", settings(raw)).out("ingest")).manifest["inputs"]
    assert before["raw"] != after["raw"]


def test_copies_are_quarantined_and_near_copies_share_a_split(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw", 40)
    for number in range(0, 20, 2):
        save(raw / "a" / f"copy{number:03d}.png", texture(number))
        save(raw / "a" / f"near{number:03d}.png", np.clip(texture(number).astype(int) + 1, 0, 255).astype(np.uint8))
    images, quarantine, facts = run(tmp_path, settings(raw))
    assert quarantine["reason"].tolist() == [f"duplicate of a/{number:03d}.png" for number in range(0, 20, 2)]
    assert facts["quarantine"] == {"duplicate": 10}
    assert facts["duplicate_groups"] == 10
    assert (splits_of(images, "duplicate_group") == 1).all()
    table = images.table.set_index("origin")
    assert table.at["a/000.png", "group"] == table.at["a/near000.png", "group"]
    assert table["group"].nunique() == 40


def test_a_name_in_the_name_of_a_file_reaches_no_output(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw")
    save(raw / "a" / "ROE^JANE.png", texture(99))
    images, quarantine, _ = run(tmp_path, settings(raw))
    assert quarantine[["origin", "reason"]].to_numpy().tolist() == [
        ["a/(withheld)", "personal data in the name of the file"]
    ]
    assert len(images) == 30
    written = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [path for path in written if b"ROE" in path.read_bytes()]


def test_an_image_with_two_labels_is_quarantined_under_both(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw")
    save(raw / "b" / "again.png", texture(0))
    _, quarantine, _ = run(tmp_path, settings(raw))
    assert quarantine.to_numpy().tolist() == [
        ["a/000.png", "label conflict", "its duplicates carry a, b"],
        ["b/again.png", "label conflict", "its duplicates carry a, b"],
    ]


def table_of(raw: Path, rows: list[dict[str, Any]], images: Callable[[int], np.ndarray] = texture) -> Path:
    for number, row in enumerate(rows):
        row.setdefault("file", f"{number:03d}.png")
        save(raw / row["file"], images(row.pop("seed", number)))
    pd.DataFrame(rows).to_csv(raw / "m.csv", index=False)
    return raw


def patients(count: int = 12, each: int = 3) -> list[dict[str, Any]]:
    return [
        {"label": "ab"[patient % 2], "patient_id": f"p{patient}", "site": "xy"[image % 2]}
        for patient in range(count) for image in range(each)
    ]  # fmt: skip


def test_a_patient_lies_in_one_split_and_attributes_are_kept(tmp_path: Path) -> None:
    images, _, facts = run(tmp_path, settings(table_of(tmp_path / "raw", patients()), "table"))
    assert (splits_of(images, "patient_id") == 1).all()
    assert facts["patients"] == facts["groups"] == 12
    assert set(images.table["site"]) == {"x", "y"}
    assert "given_split" not in images.table


def test_of_a_patient_that_stands_in_the_set_twice_one_is_dropped(tmp_path: Path) -> None:
    rows = patients()
    for image in range(3):
        rows[33 + image]["seed"] = 27 + image  # p11 shows what p9 shows
    images, quarantine, _ = run(tmp_path, settings(table_of(tmp_path / "raw", rows), "table"))
    assert "p11" not in set(images.table["patient_id"])
    assert quarantine["reason"].tolist() == [f"duplicate of {27 + image:03d}.png" for image in range(3)]
    assert images.table["group"].nunique() == 11


@pytest.mark.parametrize("asked", [{"group_by": "group"}, {}])
def test_a_column_stands_in_for_unknown_patients(tmp_path: Path, asked: dict[str, str]) -> None:
    rows = [{"label": "ab"[number % 2], "group": f"run{number // 4}" if number < 24 else ""} for number in range(32)]
    raw = table_of(tmp_path / "raw", rows)
    images, _, facts = run(tmp_path, settings(raw, "table", **asked))
    assert facts["groups"] == 6 + 8
    assert (splits_of(images, "given_group").drop("") == 1).all()
    assert any("'group' stands in" in note for note in facts["notes"])
    assert "no attribute 'grup'" in refused(tmp_path / "other", settings(raw, "table", group_by="grup"))


def test_given_folds_are_followed_and_the_rest_is_assigned(tmp_path: Path) -> None:
    rows = [{"label": "ab"[number % 2], "fold": str(number // 2 % 5 + 1)} for number in range(40)]
    rows += [{"label": "c", "fold": ""} for _ in range(20)]
    split = {"column": "fold", "test": ["5"], "val": ["4"], "fractions": [0.2, 0.2]}
    raw = table_of(tmp_path / "raw", rows)
    images, _, facts = run(tmp_path, settings(raw, "table", split=split))
    table = images.table
    assert (table.loc[table["fold"] == "5", "split"] == "test").all()
    assert (table.loc[table["fold"] == "4", "split"] == "val").all()
    assert table.loc[table["label"] == "c", "split"].value_counts().to_dict() == {"train": 12, "test": 4, "val": 4}
    assert facts["split"].startswith("given by the column 'fold'; 20 images without one")
    wrong = settings(raw, "table", split={"column": "folds"})
    assert "no attribute 'folds'; did you mean 'fold'?" in refused(tmp_path / "other", wrong)


def given_split_that_leaks(raw: Path) -> Path:
    class_folders(raw, 30, above="Training")
    class_folders(raw, 16, above="Testing")
    for number in range(4):
        label = "ab"[number % 2]
        save(
            raw / "Testing" / label / f"leak{number}.png",
            np.asarray(Image.open(raw / f"Training/{label}/00{number}.png")),
        )
    save(raw / "Training" / "a" / "copy.png", np.asarray(Image.open(raw / "Training/a/008.png")))
    return raw


@pytest.mark.parametrize("on_leak", ["stop", "allow"])
def test_a_split_that_leaks_is_left_as_given_to_be_shown(tmp_path: Path, on_leak: str) -> None:
    raw = given_split_that_leaks(tmp_path / "raw")
    images, quarantine, _ = run(tmp_path, settings(raw, split={"column": "split"}, on_leak=on_leak))
    assert quarantine.empty
    assert len(images.rows("test")) == 20
    assert (splits_of(images, "sha256") > 1).sum() == 4


def test_regroup_makes_a_clean_split_of_leaking_data(tmp_path: Path) -> None:
    raw = given_split_that_leaks(tmp_path / "raw")
    images, quarantine, facts = run(tmp_path, settings(raw, split={"column": "split"}, on_leak="regroup"))
    assert images.table["sha256"].is_unique
    assert (splits_of(images, "group") == 1).all()
    assert len(quarantine) == 5
    assert facts["split"].startswith("drawn by patient or group")
    assert set(images.table["given_split"]) == {"Training", "Testing"}


def test_folds_ignore_a_given_split(tmp_path: Path) -> None:
    rows = [{**row, "split": "train"} for row in patients(12)]
    raw = table_of(tmp_path / "raw", rows)
    cfg = settings(raw, "table", split={"column": "split", "folds": 3})
    images, _, facts = run(tmp_path, cfg, cell=1)
    assert images.table["split"].value_counts().to_dict() == {"train": 12, "val": 12, "test": 12}
    assert facts["split"].startswith("fold 2 of 3")


def test_the_budget_leaves_the_rest_unused(tmp_path: Path) -> None:
    raw = table_of(tmp_path / "raw", patients(30))
    images, _, facts = run(tmp_path, settings(raw, "table", budget={"train": 12, "val": 4}))
    assert len(images.rows("train")) == 12
    assert len(images.rows("val")) == 4
    assert len(images.rows("unused")) + len(images.rows("test")) == 90 - 16
    assert images.part(images.rows("train")).table["patient_id"].nunique() == 12
    assert facts["counts"]["train"]["a"]["images"] == 6


def test_classes_give_order_and_other_labels_are_quarantined(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw", 45, "abc")
    images, quarantine, _ = run(tmp_path, settings(raw, classes=["c", "a"]))
    assert images.classes == ("c", "a")
    assert set(quarantine["reason"]) == {"class not in dataset.classes"}
    assert len(images) + len(quarantine) == 45


def test_colour_sets_have_three_channels(tmp_path: Path) -> None:
    raw = class_folders(tmp_path / "raw")
    images, _, _ = run(tmp_path, settings(raw, image={"size": 16, "channels": 3}))
    assert images.shape == (3, 16, 16)


def test_labels_never_become_paths_and_listings_never_become_formulas(tmp_path: Path) -> None:
    rows = patients()
    for row in rows:
        row["label"] = {"a": "../../a", "b": "/etc/b"}[row["label"]]
    rows.append({"label": "../../a", "patient_id": "p0", "site": "x", "file": "=1+1.png"})
    raw = table_of(tmp_path / "work" / "raw", rows)
    (raw / "m.csv").write_text((raw / "m.csv").read_text().replace("=1+1.png", "+1+1.png"))
    before = {path for path in tmp_path.rglob("*") if "work" not in path.relative_to(tmp_path).parts[:1]}
    images, quarantine, _ = run(tmp_path / "work", settings(raw, "table"))
    assert images.classes == ("../../a", "/etc/b")
    assert quarantine.to_numpy().tolist() == [["'+1+1.png", "missing file", ""]]
    assert {path for path in tmp_path.rglob("*") if "work" not in path.relative_to(tmp_path).parts[:1]} == before


def test_too_little_data_is_said_to_be_too_little(tmp_path: Path) -> None:
    (tmp_path / "empty" / "a").mkdir(parents=True)
    assert "insufficient data: no image can be used (there are no files)" in refused(
        tmp_path / "1", settings(tmp_path / "empty")
    )
    (tmp_path / "empty" / "a" / "x.png").write_bytes(b"no image")
    message = refused(tmp_path / "2", settings(tmp_path / "empty"))
    assert "no image can be used (1 x not an image); 1 quarantined" in message
    assert (tmp_path / "2" / ".synthgain" / "quarantine.csv").is_file()
    assert "insufficient data: one class ('a')" in refused(
        tmp_path / "3", settings(class_folders(tmp_path / "one", classes="a"))
    )
    raw = table_of(tmp_path / "patient", [{**row, "patient_id": "p0"} for row in patients()])
    assert "insufficient data: 1 patients or groups" in refused(tmp_path / "4", settings(raw, "table"))
    raw = class_folders(tmp_path / "few")
    message = refused(tmp_path / "5", settings(raw, min_per_class=4))
    assert "insufficient data: 3 images of class 'a' in val, dataset.min_per_class is 4" in message
    assert "0 images of class 'c' in train" in refused(tmp_path / "6", settings(raw, classes=["a", "b", "c"]))
    message = refused(tmp_path / "7", settings(raw, min_per_class=3, labels=[1.0, 0.1]))
    assert "(10 % of the labels); dataset.labels=[1.0] leaves this level out" in message


def test_a_set_of_nothing_but_conflicts_is_too_little(tmp_path: Path) -> None:
    for label in "ab":
        save(tmp_path / "raw" / label / "0.png", texture(0))
    assert "no image can be used (2 x label conflict)" in refused(tmp_path, settings(tmp_path / "raw"))


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = class_folders(tmp_path / "raw")
    monkeypatch.setattr(ingest.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, 1 << 10))
    assert "ingest needs" in refused(tmp_path, settings(raw))


def test_files_that_appear_while_reading_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = class_folders(tmp_path / "raw")
    listing = intake.listing

    def and_then(records: Any) -> tuple[int, str]:
        found = listing(records)
        save(raw / "a" / "new.png", texture(99))
        return found

    monkeypatch.setattr(intake, "listing", and_then)
    assert "added, removed or renamed while they were read" in refused(tmp_path, settings(raw))


def test_the_phantom_and_npz_enter_by_the_same_door(tmp_path: Path) -> None:
    source = {"patients": 4, "slices": 2}
    images, _, _ = run(tmp_path, settings(tmp_path, "phantom", source=source, image={"size": 32}))
    assert len(images) == 32
    assert (splits_of(images, "patient_id") == 1).all()
    stacks = {
        name: np.stack([texture(number + 50 * n) for number in range(20)]) for n, name in enumerate(dataset.SPLITS)
    }
    arrays = {f"{name}_images": stack for name, stack in stacks.items()}
    np.savez(tmp_path / "x.npz", **arrays, **{f"{name}_labels": np.arange(20)[:, None] % 2 for name in stacks})
    cfg = settings(tmp_path / "x.npz", "npz", source={"classes": ["no", "yes"]}, split={"column": "split"})
    images, _, _ = run(tmp_path, cfg)
    assert images.table["split"].value_counts().to_dict() == {"train": 20, "val": 20, "test": 20}


def test_cardiac_patients_are_kept_apart_and_the_doubled_one_is_dropped(tmp_path: Path, datasets: Path) -> None:
    raw = datasets / "cardiac_acdc"
    images, quarantine, facts = run(tmp_path, settings(raw, "table", split={"fractions": [0.15, 0.25]}))
    assert facts["patients"] == facts["groups"] == 99
    assert len(quarantine) == 16
    assert quarantine["origin"].str.contains("patient076").all()
    tested = images.part(images.rows("test")).table
    assert tested.groupby("label")["patient_id"].nunique().to_dict() == dict.fromkeys(images.classes, 5)
    assert json.dumps(facts["quarantine"]) == '{"duplicate": 16}'


def _ran(root: Path, cfg: config.Config) -> Paths:
    ingest.run(cfg, Paths(root))
    return Paths(root)

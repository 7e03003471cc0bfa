"""A leak or an unfit set stops the run, with what is wrong in a file; a fit one passes with its documents."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthgain import artifact, config, dataset
from synthgain.errors import SynthgainError
from synthgain.paths import Paths
from synthgain.stages import ingest, validate

HOSTILE = "<script>alert(1)</script>"


def settings(**changes: Any) -> config.Config:
    given = {"source": {"kind": "folder"}, "image": {"size": 16}, "min_per_class": 2, **changes}
    return config.load({"dataset": {"name": "toy", **given}, "generators": {}, "classifier": {"kind": "cnn"}})


def table() -> pd.DataFrame:
    patients = [f"p{row // 2}" for row in range(24)]
    return pd.DataFrame({
        "image_id": [f"i{row}" for row in range(24)], "label": ["ab"[row // 2 % 2] for row in range(24)],
        "patient_id": patients, "group": patients,
        "split": [("train", "val", "test")[row // 4 % 3] for row in range(24)],
        "source": "real", "origin": [f"{row}.png" for row in range(24)], "sha256": [f"{row:064x}" for row in range(24)],
        "duplicate_group": [f"d{row}" for row in range(24)], "width": 20, "height": 20,
        "pixel_min": 0, "pixel_max": 255, "pixel_mean": 90.0, "pixel_std": 40.0,
    })  # fmt: skip


def workspace(root: Path, rows: pd.DataFrame) -> Paths:
    paths = Paths(root)
    images = np.random.default_rng(0).integers(0, 256, (len(rows), 1, 16, 16), dtype=np.uint8)
    with artifact.writing(paths.out("ingest"), stage="ingest", config={}, inputs={}) as draft:
        dataset.write(draft, images, rows, ["a", "b"])
    return paths


def stopped(paths: Paths, cfg: config.Config) -> str:
    with pytest.raises(SynthgainError) as caught:
        validate.run(cfg, paths)
    assert not paths.out("validate").exists()
    assert sorted(path.name for path in paths.data.iterdir()) == ["ingest"]
    return str(caught.value)


def test_a_fit_set_passes_with_its_documents(tmp_path: Path) -> None:
    paths = workspace(tmp_path, table())
    validate.run(settings(), paths)
    found = artifact.read(paths.out("validate"))
    report = found.json("report.json")
    assert report["success"]
    assert {"name", "severity", "success", "detail"} == set(report["checks"][0])
    page = found.file("docs/index.html").read_text()
    assert "splits_of_group" in page
    assert "http" not in page
    assert found.manifest["inputs"] == {"ingest": dataset.read(paths.out("ingest")).sha256}
    validate.run(settings(), paths)
    assert artifact.read(paths.out("validate")).sha256 == found.sha256


def test_a_leak_stops_the_run_with_all_pairs_in_a_file(tmp_path: Path) -> None:
    rows = table()
    rows.loc[8, ["sha256", "duplicate_group", "group"]] = rows.loc[0, ["sha256", "duplicate_group", "group"]]
    rows.loc[9, ["duplicate_group", "group"]] = ["d1", "p0"]
    rows.loc[10, "origin"] = "=1+1"
    rows.loc[[10, 5], "group"] = "p5"
    message = stopped(workspace(tmp_path, rows), settings())
    assert "4 of 8 test images have their like in train or val (1 duplicate, 1 near-duplicate, 2 patient)" in message
    assert "8.png (test) - 0.png (train): duplicate" in message
    assert "dataset.on_leak=regroup" in message
    listed = pd.read_csv(tmp_path / ".synthgain" / "leaks.csv")
    assert str(tmp_path / ".synthgain" / "leaks.csv") in message
    assert listed["origin_a"].tolist() == ["8.png", "9.png", "11.png", "'=1+1"]
    assert "p5" not in message  # whose images they are is not said


def test_an_allowed_leak_is_a_loud_warning_on_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table()
    rows.loc[8, ["sha256", "duplicate_group", "group"]] = rows.loc[0, ["sha256", "duplicate_group", "group"]]
    paths = workspace(tmp_path, rows)
    validate.run(settings(on_leak="allow"), paths)
    assert "WARNING: 1 of 8 test images have their like in train" in capsys.readouterr().err
    found = artifact.read(paths.out("validate"))
    report = found.json("report.json")
    assert report["leaks"].startswith("1 of 8 test images")
    failing = [check for check in report["checks"] if not check["success"]]
    assert {check["name"] for check in failing} == {"unique_images", "duplicate_groups_disjoint", "groups_disjoint"}
    assert {check["severity"] for check in failing} == {"warning"}
    assert len(pd.read_csv(found.file("leaks.csv"))) == 1


def test_critical_failures_name_the_rows(tmp_path: Path) -> None:
    rows = table()
    rows.loc[8:11, "source"] = "dcgan"
    rows.loc[8, "origin"] = HOSTILE
    message = stopped(workspace(tmp_path, rows), settings())
    assert "1 critical checks failed" in message
    assert "synthetic_only_in_train: 4 of 24 images do not meet it" in message
    assert "    9.png" in message
    listed = pd.read_csv(tmp_path / ".synthgain" / "failed_rows.csv")
    assert listed["row"].tolist() == [8, 9, 10, 11]
    message = stopped(workspace(tmp_path, table()), settings(min_per_class=5))
    assert "images_per_class: 24 of 24 images do not meet it" in message
    assert message.count(".png") == 20


def test_the_official_split_of_sartaj_leaks_and_regrouping_makes_a_clean_one(tmp_path: Path, datasets: Path) -> None:
    raw = datasets / "brain_tumor_mri" / "sartaj"
    paths = Paths(tmp_path)
    official = settings(raw=str(raw), split={"column": "split"}, image={"size": 32})
    ingest.run(official, paths)
    message = stopped(paths, official)
    assert "255 of 394 test images have their like in train or val" in message
    pairs = pd.read_csv(paths.state / "leaks.csv")
    leaking = set(pairs.loc[pairs["split_a"] == "test", "origin_a"])
    listed = pd.read_csv(raw.parent / "sartaj_manifest.csv")
    crossing = listed[(listed["split"] == "test") & (listed["dup_crosses_split"] == 1)]
    assert {f"sartaj/{origin}" for origin in leaking} == set(crossing["file"])
    clean = settings(raw=str(raw), split={"column": "split"}, image={"size": 32}, on_leak="regroup")
    ingest.run(clean, paths)
    validate.run(clean, paths)
    assert artifact.read(paths.out("validate")).json("report.json")["success"]

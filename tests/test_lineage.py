"""Raw data under the real DVC: added inside the workspace, copied in from outside, and seen to change."""

import fcntl
import shutil
import threading
from pathlib import Path

import pytest
import yaml

from synthgain import lineage
from synthgain.compose import compose, write_params
from synthgain.config import Config
from synthgain.errors import SynthgainError
from synthgain.paths import Paths


@pytest.fixture
def paths(root: Path, tmp_path: Path) -> Paths:
    here = tmp_path / "workspace"
    here.mkdir()
    for name in ("conf", "src", "dvc.yaml"):
        (here / name).symlink_to(root / name)
    lineage.begin(Paths(here))
    return Paths(here)


def images(folder: Path, content: bytes = b"first") -> Path:
    (folder / "glioma").mkdir(parents=True, exist_ok=True)
    (folder / "glioma" / "1.png").write_bytes(content)
    return folder


def of(paths: Paths, folder: Path) -> Config:
    cfg = compose(paths, ["dataset=folder", f"dataset.path={folder}"])
    write_params(paths, cfg)
    return cfg


def version(paths: Paths, cfg: Config) -> str:
    pointer = yaml.safe_load((paths.root / f"{cfg.dataset.raw}.dvc").read_text())
    return str(pointer["outs"][0]["md5"])


def test_data_from_outside_are_copied_and_a_change_is_a_new_version(paths: Paths, tmp_path: Path) -> None:
    original = images(tmp_path / "mri")
    cfg = of(paths, original)
    assert not lineage.raw_is_tracked(paths, cfg)
    lineage.track_raw(paths, cfg)
    assert lineage.raw_is_tracked(paths, cfg)
    first = version(paths, cfg)
    lineage.track_raw(paths, cfg)
    assert version(paths, cfg) == first
    images(original, b"second")
    lineage.track_raw(paths, cfg)
    assert version(paths, cfg) != first
    assert (paths.root / cfg.dataset.raw / "glioma" / "1.png").read_bytes() == b"second"


def test_data_in_their_place_are_added_without_a_copy(paths: Paths) -> None:
    cfg = of(paths, images(paths.raw / "folder"))
    lineage.track_raw(paths, cfg)
    assert lineage.raw_is_tracked(paths, cfg)
    assert len(version(paths, cfg)) > 30


def test_the_phantom_needs_no_raw_data(paths: Paths) -> None:
    cfg = compose(paths, [])
    lineage.track_raw(paths, cfg)
    assert lineage.raw_is_tracked(paths, cfg)
    assert not list(paths.root.glob("data/raw/*"))


def test_a_fault_of_dvc_is_one_sentence(paths: Paths, tmp_path: Path) -> None:
    original = images(tmp_path / "mri")
    cfg = of(paths, original)
    shutil.rmtree(original)
    with pytest.raises(SynthgainError, match=r"^dvc import-url .*does not exist"):
        lineage.track_raw(paths, cfg)


def test_outputs_of_generators_that_are_gone_are_removed(paths: Paths) -> None:
    cfg = compose(paths, ["generator=dcgan", "control=copies"])
    for name in ("dcgan", "edm"):
        paths.out("audit", name).mkdir(parents=True)
    lineage.prune(paths, cfg)
    assert paths.out("audit", "dcgan").is_dir()
    assert not paths.out("audit", "edm").exists()


def test_a_busy_dvc_is_waited_for(paths: Paths, tmp_path: Path) -> None:
    cfg = of(paths, images(tmp_path / "mri"))
    with open(paths.root / ".dvc" / "tmp" / "lock", "a") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        free = threading.Timer(6.0, lambda: fcntl.flock(busy, fcntl.LOCK_UN))
        free.start()
        lineage.track_raw(paths, cfg)
        assert free.finished.is_set()
    assert lineage.raw_is_tracked(paths, cfg)

"""The report stage: one page and its figures, as an artifact."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest

from synthgain import artifact
from synthgain.paths import Paths
from synthgain.stages import report


@pytest.fixture(scope="module")
def workspace(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return toy.build(tmp_path_factory.mktemp("workspace"))


def test_the_stage_writes_the_page_and_every_figure_twice_the_same(toy: ModuleType, workspace: Paths) -> None:
    identities = []
    for _ in range(2):
        report.run(toy.config(), workspace)
        identities.append(artifact.read(workspace.out("report")).sha256)
    found = artifact.read(workspace.out("report"))
    assert found.file("report.html").read_bytes().startswith(b"<!DOCTYPE html>")
    names = {Path(name).name for name in found.manifest["files"] if name.startswith("figures/")}
    assert names == {
        f"{name}.{kind}"
        for name in ("forest", "recall", "learning_curve", "classifiers", "generators")
        for kind in ("svg", "png")
    }
    assert identities[0] == identities[1]
    assert found.manifest["inputs"]["evaluate"] == artifact.read(workspace.out("evaluate")).sha256


def test_a_missing_stage_output_is_named(toy: ModuleType, workspace: Paths, tmp_path: Path) -> None:
    shutil.copytree(workspace.root, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "data" / "screen")
    with pytest.raises(artifact.ArtifactError, match="screen"):
        report.run(toy.config(), Paths(tmp_path / "copy"))

"""The explain stage: where the headline's classifiers look, and what the generators' inputs do."""

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from synthgain import artifact
from synthgain.artifact import Artifact
from synthgain.config import Config
from synthgain.dataset import label_indices
from synthgain.generators import store
from synthgain.generators.contract import Facts
from synthgain.paths import Paths
from synthgain.sources import phantom
from synthgain.stages import confirm, explain, screen

METHODS = ("grad_cam", "occlusion", "integrated_gradients")


def experiment(bars: ModuleType, **changes: object) -> Config:
    generators = {
        "dcgan": {"kind": "dcgan", "model": {"width": 4, "latent": 8}},
        "edm": {"kind": "edm", "model": {"widths": [8], "patch": 4}, "sampling": {"steps": 2}},
        "copies": {"kind": "copies"},
    }
    values = {"arms": {"ratios": [1.0], "always": ["classic"]}, "generators": generators}
    dataset = {"name": "bars", "source": {"kind": "folder"}}
    return bars.experiment(**(values | {"dataset": dataset, "explain": {"images": 2}} | changes))


@pytest.fixture(scope="module")
def confirmed(bars: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """All that comes before, with untrained generators."""
    cfg = experiment(bars)
    paths = bars.build(tmp_path_factory.mktemp("explain"), cfg)
    facts = Facts(1, bars.SIZE, bars.CLASSES, cfg.dataset.source)
    torch.manual_seed(0)
    for name, chosen in cfg.generators.items():
        with artifact.writing(paths.out("train_generator", name), stage="t", config={}, inputs={}) as draft:
            store.save(draft.path, store.build(chosen, facts), chosen, facts)
    screen.run(cfg, paths)
    confirm.run(cfg, paths)
    return paths


@pytest.fixture(scope="module")
def found(bars: ModuleType, confirmed: Paths) -> Artifact:
    explain.run(experiment(bars), confirmed)
    return artifact.read(confirmed.out("explain"))


def arrays(found: Artifact, name: str) -> dict[str, np.ndarray]:
    with np.load(found.file(name), allow_pickle=False) as stored:
        return dict(stored)


def test_maps_of_both_classifiers_are_kept_for_each_shown_test_image(
    bars: ModuleType, confirmed: Paths, found: Artifact
) -> None:
    record, maps = found.json("explain.json"), arrays(found, "maps.npz")
    assert set(maps) == {"images"} | {f"{role}.{method}" for role in explain.ROLES for method in METHODS}
    labels = [each["label"] for each in record["sample"]]
    assert label_indices(labels, bars.CLASSES).tolist() == [0, 0, 1, 1, 2, 2]
    table = bars.real().table.set_index("image_id").loc[[each["image_id"] for each in record["sample"]]]
    assert (table["split"] == "test").all()
    assert maps["images"].shape == (6, 1, bars.SIZE, bars.SIZE)
    for name in set(maps) - {"images"}:
        assert maps[name].shape == (6, bars.SIZE, bars.SIZE)
        assert np.isfinite(maps[name]).all()
        assert np.abs(maps[name]).max() == 1
    headline = artifact.read(confirmed.out("screen")).json("plan.json")["headline"]
    assert record["arms"] == {role: headline[role] for role in explain.ROLES}


def test_every_map_comes_with_its_randomisation_check(found: Artifact) -> None:
    checks = found.json("explain.json")["randomisation"]
    for role in explain.ROLES:
        assert set(checks[role]) == set(METHODS)
        for each in checks[role].values():
            assert each["passes"] == (each["similarity"] <= each["limit"])
            assert each["cascade"][-1]["layers"] == each["layers"]


def test_data_without_masks_say_why_nothing_is_localised(found: Artifact) -> None:
    assert found.json("explain.json")["localisation"] == {"why": explain.NO_MASKS}


def test_trained_generators_have_strips_and_controls_have_none(found: Artifact) -> None:
    record, strips = found.json("explain.json")["latent"], arrays(found, "latent.npz")
    assert {name: set(varied) for name, varied in record.items()} == {
        "dcgan": {"classes", "directions"}, "edm": {"classes", "guidance"},
    }  # fmt: skip
    for name, varied in record.items():
        for kind, at in varied.items():
            assert strips[f"{name}.{kind}"].shape[1] == len(at)
            assert strips[f"{name}.{kind}"].dtype == np.uint8


def test_running_again_gives_the_same_artifact(bars: ModuleType, confirmed: Paths, found: Artifact) -> None:
    explain.run(experiment(bars), confirmed)
    assert artifact.read(confirmed.out("explain")).sha256 == found.sha256


def test_it_can_be_left_out_and_says_so(bars: ModuleType, confirmed: Paths, tmp_path: Path) -> None:
    shutil.copytree(confirmed.data, tmp_path / "data")
    explain.run(experiment(bars, explain={"images": 0}), Paths(tmp_path))
    found = artifact.read(Paths(tmp_path).out("explain"))
    assert found.json("explain.json") == {"why": explain.NOT_ASKED}
    assert arrays(found, "maps.npz") == {}


def test_lesions_are_looked_for_where_the_source_draws_masks(
    bars: ModuleType, confirmed: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mask(cfg: phantom.Config, origin: str, size: int) -> np.ndarray:
        marked = np.zeros((size, size), np.uint8)
        marked[2:5, 3:13] = int(origin.split("-")[1]) % 2
        return marked

    monkeypatch.setattr(phantom, "mask", mask)
    shutil.copytree(confirmed.data, tmp_path / "data")
    cfg = experiment(
        bars, dataset={"name": "bars", "source": {"kind": "phantom"}}, explain={"images": 1, "measured": 5},
        generators={"copies": {"kind": "copies"}},
    )  # fmt: skip
    explain.run(cfg, Paths(tmp_path))
    found = artifact.read(Paths(tmp_path).out("explain"))
    localised = found.json("explain.json")["localisation"]
    test = bars.real().table.query("split == 'test'")["origin"]
    assert localised["images"] == sum(int(origin.split("-")[1]) % 2 for origin in test)
    assert set(localised["methods"]) == set(METHODS)
    energy = localised["methods"]["occlusion"]["energy"]["difference"]["value"]
    assert found.json("metrics.json")["energy/occlusion/difference"] == energy
    assert set(localised["methods"]["grad_cam"]["pointing"]) == {"candidate", "baseline", "difference"}
    assert arrays(found, "maps.npz")["masks"].shape == (3, bars.SIZE, bars.SIZE)

"""Weights are refused unless they are this model's, whole and finite."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgain import artifact
from synthgain.artifact import Artifact
from synthgain.errors import SynthgainError
from synthgain.generators import copies, edm, store
from synthgain.generators.contract import Facts
from synthgain.sources import phantom

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())
CONFIG = edm.Config.model_validate({"kind": "edm", "model": {"widths": (8, 16)}})


def trained(folder: Path, change: object = None) -> Artifact:
    """An artifact whose weights ``change`` has edited, with hashes that fit the edit."""
    with artifact.writing(folder / "out", stage="train_generator", config={}, inputs={}) as draft:
        store.save(draft.path, edm.build(CONFIG, FACTS), CONFIG, FACTS)
        if callable(change):
            state = load_file(draft.path / store.WEIGHTS)
            change(state)
            save_file(state, draft.path / store.WEIGHTS)
    return artifact.read(folder / "out")


def removed(state: dict[str, torch.Tensor]) -> None:
    del state["network.enter.weight"]


def foreign(state: dict[str, torch.Tensor]) -> None:
    state["backdoor"] = torch.zeros(1)


def misshapen(state: dict[str, torch.Tensor]) -> None:
    state["network.enter.weight"] = torch.zeros(1, 2)


def retyped(state: dict[str, torch.Tensor]) -> None:
    state["network.enter.bias"] = state["network.enter.bias"].half()


def poisoned(state: dict[str, torch.Tensor]) -> None:
    state["network.enter.bias"][0] = torch.nan


@pytest.mark.parametrize(
    "change, message",
    [
        (removed, "'network.enter.weight' is missing"), (foreign, "'backdoor' is not part of the model"),
        (misshapen, r"'network.enter.weight' is .*\(1, 2\), not"), (retyped, "'network.enter.bias' is torch.float16"),
        (poisoned, "'network.enter.bias' is not finite"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path, change: object, message: str) -> None:
    with pytest.raises(SynthgainError, match=message):
        store.load(trained(tmp_path, change))


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    with artifact.writing(tmp_path / "out", stage="train_generator", config={}, inputs={}) as draft:
        store.save(draft.path, edm.build(CONFIG, FACTS), CONFIG, FACTS)
        (draft.path / store.WEIGHTS).write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(SynthgainError, match="not a safetensors file"):
        store.load(artifact.read(tmp_path / "out"))


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    found = trained(tmp_path)
    content = bytearray((found.path / store.WEIGHTS).read_bytes())
    content[-5] ^= 1
    (found.path / store.WEIGHTS).write_bytes(content)
    with pytest.raises(SynthgainError, match="SHA-256"):
        store.load(found)


def test_settings_of_sampling_may_change_after_training_and_settings_of_the_model_may_not(tmp_path: Path) -> None:
    found = trained(tmp_path)
    changed = CONFIG.model_copy(update={"sampling": edm.Sampling(steps=3)})
    assert store.load(found, changed).sampling.steps == 3
    other = CONFIG.model_copy(update={"model": edm.Model(widths=(8, 32))})
    with pytest.raises(SynthgainError, match="other settings"):
        store.load(found, other)


def test_buffers_that_grew_with_the_data_come_back_and_keep_their_image_shape(tmp_path: Path) -> None:
    generator = copies.build(copies.Config(), FACTS)
    generator.observe([(torch.rand(5, 1, 16, 16) * 2 - 1, torch.tensor([0, 1, 0, 1, 0]))])
    for name, facts in (("good", FACTS), ("bad", Facts(1, 20, ("a", "b"), phantom.Config()))):
        with artifact.writing(tmp_path / name, stage="train_generator", config={}, inputs={}) as draft:
            store.save(draft.path, generator, copies.Config(), facts)
    assert torch.equal(store.load(artifact.read(tmp_path / "good")).images, generator.images)
    with pytest.raises(SynthgainError, match="'images' is"):
        store.load(artifact.read(tmp_path / "bad"))

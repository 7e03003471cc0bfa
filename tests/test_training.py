"""Training ends with the same weights however often it was interrupted, and stops when it goes wrong."""

import errno
import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synthgain import artifact, checkpoints, train_split, training
from synthgain.errors import SynthgainError
from synthgain.generators import dcgan
from synthgain.generators.contract import Facts, Generator, Phase
from synthgain.generators.models.dcgan import DCGAN
from synthgain.schema import GeneratorTraining
from synthgain.sources import phantom
from synthgain.train_split import TrainSplit

FACTS = Facts(1, 16, ("a", "b"), phantom.Config())
TRAINING = GeneratorTraining(steps=12, batch_size=4, ema=0.5, checkpoint_every=4)
CPU = torch.device("cpu")


class Spoiled(DCGAN):
    """A DCGAN to which something happens in a certain step."""

    event = staticmethod(lambda: None)
    at = -1
    calls = 0

    def generator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        loss = super().generator_loss(images, labels)
        if self.calls == self.at:
            changed = type(self).event()
            return loss if changed is None else loss * changed
        return loss


def split(seed: int = 0) -> TrainSplit:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (10, 1, 16, 16), dtype=np.uint8)
    return TrainSplit(images, np.array([0, 1, 2, 4, 5, 7, 9]), np.arange(10) % 2, seed)


def train(
    work: Path, generator: Generator | None = None, cfg: GeneratorTraining = TRAINING
) -> training.GeneratorModule:
    if generator is None:
        generator = small()
    work.mkdir(exist_ok=True)
    return training.train(generator, split(), cfg, seed=0, on=CPU, work=work, name="test")


def small(kind: type[DCGAN] = DCGAN) -> DCGAN:
    torch.manual_seed(0)
    return kind(dcgan.Model(width=4, latent=4), FACTS)


def fingerprint(module: training.GeneratorModule) -> str:
    """SHA-256 over averaged weights, raw weights and the learning curve."""
    state = {**module.result.state_dict(prefix="average."), **module.generator.state_dict()}
    content = b"".join(value.numpy().tobytes() for _, value in sorted(state.items()))
    return hashlib.sha256(content + module.history().to_csv().encode()).hexdigest()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fingerprint(train(tmp_path_factory.mktemp("whole")))


def test_training_twice_gives_the_same_bits(uninterrupted: str, tmp_path: Path) -> None:
    torch.manual_seed(123)
    generator = small()
    torch.manual_seed(456)
    assert fingerprint(train(tmp_path, generator)) == uninterrupted


def test_bfloat16_is_used_where_the_machine_has_it_and_the_weights_stay_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.compute, "bf16", lambda on: False)
    in_float32 = train(tmp_path / "float32")
    monkeypatch.setattr(training.compute, "bf16", lambda on: True)
    module = train(tmp_path / "bfloat16")
    assert fingerprint(module) != fingerprint(in_float32)
    assert {value.dtype for value in module.result.parameters()} == {torch.float32}
    assert module.history().notna().all(axis=None)


def test_the_average_differs_from_the_last_weights_and_lags_behind_them(tmp_path: Path) -> None:
    module = train(tmp_path)
    raw, average = module.generator.generator.first.weight, module.result.generator.first.weight
    assert not torch.equal(raw, average)
    start = small().generator.first.weight
    assert (average - start).norm() < (raw - start).norm()


def test_the_average_also_follows_the_running_statistics(tmp_path: Path) -> None:
    module = train(tmp_path)
    raw, average = (net.generator.norms[0].norm.running_mean for net in (module.generator, module.result))
    assert not torch.equal(raw, average)


@pytest.mark.parametrize("place", ["checkpoint.before_write", "checkpoint.after_write", "checkpoint.after_rename"])
@pytest.mark.parametrize("passage", [1, 2])
def test_killed_at_a_checkpoint_it_resumes_to_the_same_bits(
    place: str, passage: int, uninterrupted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHGAIN_FAILPOINT", f"{place}:{passage}")
    child = multiprocessing.get_context("fork").Process(target=train, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    monkeypatch.delenv("SYNTHGAIN_FAILPOINT")
    finished = passage if place == "checkpoint.after_rename" else passage - 1
    newest = checkpoints.Checkpoints(tmp_path).newest()
    assert (None if newest is None else newest.name) == (f"step-{4 * finished:09d}.ckpt" if finished else None)
    assert fingerprint(train(tmp_path)) == uninterrupted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_after_the_step_with_a_checkpoint(
    number: signal.Signals, uninterrupted: str, tmp_path: Path
) -> None:
    generator = small(Spoiled)
    generator.at, Spoiled.event = 6, staticmethod(lambda: signal.raise_signal(number))
    with pytest.raises(SynthgainError, match="interrupted at step 6 of 12"):
        train(tmp_path, generator)
    assert (tmp_path / "step-000000006.ckpt").is_file()
    assert fingerprint(train(tmp_path)) == uninterrupted


def _twice(work: Path) -> None:
    generator = small(Spoiled)

    def event() -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

    generator.at, Spoiled.event = 6, staticmethod(event)
    train(work, generator)


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=_twice, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGTERM
    assert not (tmp_path / "step-000000006.ckpt").exists()


def test_it_trains_outside_the_main_thread_too(uninterrupted: str, tmp_path: Path) -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(fingerprint(train(tmp_path))))
    thread.start()
    thread.join()
    assert found == [uninterrupted]


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_it_used(
    uninterrupted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path)
    newest = tmp_path / "step-000000008.ckpt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert fingerprint(train(tmp_path)) == uninterrupted
    said = capsys.readouterr().out
    assert "WARNING" in said
    assert "step-000000008.ckpt is damaged" in said
    assert newest.is_file()


def test_only_the_last_two_checkpoints_are_kept_each_with_its_hash(tmp_path: Path) -> None:
    train(tmp_path, cfg=TRAINING.model_copy(update={"checkpoint_every": 2}))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000000008.ckpt", "step-000000008.sha256", "step-000000010.ckpt", "step-000000010.sha256",
    ]  # fmt: skip


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, ("false",)


def test_a_checkpoint_that_carries_code_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "step-000000004.ckpt"
    torch.save({"state_dict": Payload()}, path)
    path.with_suffix(".sha256").write_text(artifact.file_sha256(path))
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        checkpoints.Checkpoints(tmp_path).load_checkpoint(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_it_by_step_and_phase_and_keeps_the_checkpoints(
    value: float, tmp_path: Path
) -> None:
    generator = small(Spoiled)
    generator.at, Spoiled.event = 7, staticmethod(lambda: value)
    with pytest.raises(SynthgainError, match=f"phase 'generator' is {value} at step 6"):
        train(tmp_path, generator)
    assert checkpoints.Checkpoints(tmp_path).newest() == tmp_path / "step-000000004.ckpt"


def test_a_full_disk_is_a_clean_error_and_the_earlier_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path, cfg=TRAINING.model_copy(update={"steps": 5}))
    kept = sorted(tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.os, "replace", full)
        with pytest.raises(SynthgainError, match="No space left on device"):
            checkpoints.Checkpoints(tmp_path).save_checkpoint({"step": 9}, tmp_path / "step-000000009.ckpt")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
        with pytest.raises(SynthgainError, match="make room"):
            checkpoints.Checkpoints(tmp_path).save_checkpoint({"step": 9}, tmp_path / "step-000000009.ckpt")
    assert [path for path in sorted(tmp_path.iterdir()) if "000000009" not in path.name] == kept
    assert checkpoints.Checkpoints(tmp_path).newest() == tmp_path / "step-000000004.ckpt"


def test_every_image_is_seen_once_per_epoch_whatever_the_batch_size() -> None:
    data = split()
    seen = torch.cat([data.batch(step, 3)[0] for step in range(7)])
    assert len(seen) == 3 * len(data)
    for epoch in seen.split(len(data)):
        assert len({image.numpy().tobytes() for image in epoch}) == len(data)
    first, second = seen[: len(data)], seen[len(data) : 2 * len(data)]
    assert not torch.equal(first, second)
    assert not torch.equal(data.batch(0, 3)[0], split(seed=1).batch(0, 3)[0])
    assert len(data.batch(0, 20)[0]) == 20


def test_a_large_split_is_read_by_row_and_gives_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = split()
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (10, 1, 16, 16), dtype=np.uint8))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    monkeypatch.setattr(train_split, "IN_MEMORY", 0)
    by_row = TrainSplit(mapped, np.array([0, 1, 2, 4, 5, 7, 9]), np.arange(10) % 2, 0)
    assert isinstance(by_row.images, np.memmap)
    for step in range(5):
        for ours, theirs in zip(by_row.batch(step, 4), in_memory.batch(step, 4), strict=True):
            assert torch.equal(ours, theirs)
    assert torch.equal(torch.cat([x for x, _ in by_row.once(3)]), torch.cat([x for x, _ in in_memory.once()]))


class Counter(Generator):
    """Two phases, one of which runs at every third step; their weights count the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)

    def phases(self) -> Sequence[Phase]:
        def sgd(weights: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
            return torch.optim.SGD(weights, 1.0)

        return (
            Phase("fast", lambda: [self.fast.bias], lambda x, y: -(self.fast.bias + self.slow.bias).sum(), sgd),
            Phase("slow", lambda: [self.slow.bias], lambda x, y: -10 * (self.fast.bias + self.slow.bias).sum(), sgd,
                  every=3, clip=1.0, schedule=lambda progress: 1 - progress),
        )  # fmt: skip


def test_phases_touch_their_own_weights_as_often_as_declared_clipped_and_scheduled(tmp_path: Path) -> None:
    generator = Counter()
    with torch.no_grad():
        generator.fast.bias.zero_()
        generator.slow.bias.zero_()
    module = train(tmp_path, generator)
    assert generator.fast.bias.item() == 12
    # Steps 0, 3, 6 and 9 of 12, gradient 10 clipped to 1, learning rate falling linearly.
    assert generator.slow.bias.item() == pytest.approx(1 + 0.75 + 0.5 + 0.25)
    history = module.history()
    assert list(history.columns) == ["step", "loss_fast", "loss_slow"]
    assert history["step"].tolist() == list(range(1, 13))
    assert history["loss_slow"].notna().tolist() == [step % 3 == 0 for step in range(12)]

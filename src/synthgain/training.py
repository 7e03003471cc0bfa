"""The one training loop of every generator: a LightningModule that runs the phases which the generator declares.

All randomness of a step is a function of the seed and the step's number, so a training that was interrupted and resumed
ends, on a CPU, with the same bits as one that was not.
"""

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as L
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from synthgain import compute, progress
from synthgain.checkpoints import Checkpoints
from synthgain.dataset import to_float
from synthgain.errors import SynthgainError
from synthgain.generators import private
from synthgain.generators.contract import Generator, Phase
from synthgain.schema import GeneratorTraining
from synthgain.seeding import derive
from synthgain.train_split import TrainSplit

_ROWS = 200
_CHECKED = 50


class Steps:
    """The remaining batches of a training; its length counts the finished ones, as Lightning expects on resuming."""

    def __init__(self, module: "GeneratorModule", split: TrainSplit) -> None:
        self.module, self.split = module, split

    def __len__(self) -> int:
        return self.module.cfg.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for step in range(self.module.step, len(self)):
            yield self.split.batch(step, self.module.cfg.batch_size)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the module's step is the position. Lightning asks for it before it resumes within an epoch."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The position is restored with the module."""


class GeneratorModule(L.LightningModule):
    """Trains any `Generator`: per step its phases in order, then the moving average that samples are drawn with.

    Parameters
    ----------
    generator: untrained, its buffers filled by `Generator.observe`.
    cfg: steps, batch size, decay.
    seed: with the step's number, determines all randomness.
    """

    losses: Tensor
    """``(steps, phases)``; NaN where a phase did not run or is yet to run."""

    def __init__(self, generator: Generator, cfg: GeneratorTraining, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.cfg, self.seed = generator, cfg, seed
        self.average = AveragedModel(generator, multi_avg_fn=_ema(cfg.ema), use_buffers=True)
        self.register_buffer("losses", torch.full((cfg.steps, len(generator.phases())), torch.nan))
        self.step = 0

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        optimizers = [phase.optimizer(phase.parameters()) for phase in self.generator.phases()]
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["initial_lr"] = group["lr"]
        return optimizers

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        torch.manual_seed(derive(self.seed, "step", self.step))
        images, labels = to_float(batch[0]).contiguous(memory_format=torch.channels_last), batch[1]
        optimizers = self.optimizers(use_pl_optimizer=True)
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for number, (phase, optimizer) in enumerate(zip(self.generator.phases(), optimizers, strict=True)):
            if self.step % phase.every:
                continue
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * phase.schedule(self.step / self.cfg.steps)
            with self.toggled_optimizer(optimizer):
                optimizer.zero_grad(set_to_none=True)
                loss = self._set_gradient(phase, images, labels)
                optimizer.step()
            self.losses[self.step, number] = loss.detach().float()
        self.average.update_parameters(self.generator)
        self.step += 1

    def _set_gradient(self, phase: Phase, images: Tensor, labels: Tensor) -> Tensor:
        if self.cfg.privacy is not None:
            with torch.autocast(self.device.type, enabled=False):
                expected = self.cfg.batch_size
                return private.set_gradient(self.generator, phase, images, labels, self.cfg.privacy, expected)
        loss = phase.loss(images, labels)
        self.manual_backward(loss)
        if phase.clip is not None:
            torch.nn.utils.clip_grad_norm_(phase.parameters(), phase.clip)
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["step"] = self.step

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["step"]

    @property
    def result(self) -> Generator:
        """The generator with averaged weights, on the CPU, in evaluation mode."""
        averaged = self.average.module.cpu().eval()
        assert isinstance(averaged, Generator)
        return averaged

    def check(self, since: int) -> None:
        """Raise `SynthgainError`, naming step and phase, where a loss since that step is not finite."""
        phases = self.generator.phases()
        losses = self.losses[since : self.step].cpu()
        ran = torch.tensor([[step % p.every == 0 for p in phases] for step in range(since, self.step)])
        for step, number in torch.nonzero(ran & ~losses.isfinite()).tolist()[:1]:
            raise SynthgainError(
                f"training stopped: the loss of phase '{phases[number].name}' is {losses[step, number].item()} at step "
                f"{since + step}; earlier checkpoints are kept. Lower the generator's learning rate or check the images"
            )

    def history(self) -> pd.DataFrame:
        """The learning curve: ``step`` and the mean loss of each phase over the steps since the row before."""
        names = [f"loss_{phase.name}" for phase in self.generator.phases()]
        losses = pd.DataFrame(self.losses[: self.step].cpu().numpy(), columns=names)
        window = max(1, self.cfg.steps // _ROWS)
        rows = losses.groupby(losses.index // window).mean()
        rows.insert(0, "step", np.minimum((rows.index + 1) * window, self.step))
        return rows


def _ema(decay: float) -> Any:
    """Exponential moving average whose decay rises from 0.1, so that it forgets the first weights."""

    @torch.no_grad()
    def update(averages: list[Tensor], currents: list[Tensor], seen: Tensor) -> None:
        if not averages[0].is_floating_point():
            torch._foreach_copy_(averages, currents)
            return
        now = min(decay, (1 + int(seen)) / (10 + int(seen)))
        torch._foreach_lerp_(averages, currents, 1 - now)

    return update


class Interruption:
    """SIGTERM and SIGINT as a wish to stop after the current step; a second one ends the process at once."""

    def __init__(self) -> None:
        self.wanted = False

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.wanted = True

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen for the signals inside the block (in the main thread: signals reach no other)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Watch(L.Callback):
    """After each step: progress, the check for a loss that is not finite, checkpoints, the wish to stop."""

    def __init__(self, checkpoints: Checkpoints, shown: progress.Bar, interruption: Interruption) -> None:
        self.checkpoints, self.shown, self.interruption = checkpoints, shown, interruption
        self.checked = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GeneratorModule)
        self.checked = pl_module.step
        if pl_module.step:
            self.shown.advance(pl_module.step, "resumed")

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, GeneratorModule)
        step, cfg = pl_module.step, pl_module.cfg
        due, last = step % cfg.checkpoint_every == 0, step == cfg.steps
        self.shown.advance()
        if due or last or self.interruption.wanted or step % _CHECKED == 0:
            pl_module.check(self.checked)
            self.checked = step
        if last:
            return
        if due or self.interruption.wanted:
            trainer.save_checkpoint(self.checkpoints.path(step))
        if self.interruption.wanted:
            raise SynthgainError(
                f"interrupted at step {step} of {cfg.steps}; it is kept: run again to go on from there"
            )


def train(
    generator: Generator,
    split: TrainSplit,
    cfg: GeneratorTraining,
    *,
    seed: int,
    on: torch.device,
    work: Path,
    name: str,
) -> GeneratorModule:
    """Train ``generator`` on ``split``; its averaged weights are in the `GeneratorModule.result` of what is returned.

    It goes on from the newest whole checkpoint in the folder ``work``, where there is one.

    Raises
    ------
    SynthgainError
        A loss is not finite, a checkpoint cannot be written, or the user asked to stop.
    """
    module = GeneratorModule(generator.to(memory_format=torch.channels_last), cfg, seed)  # type: ignore[call-overload]
    checkpoints, interruption = Checkpoints(work), Interruption()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    if cfg.compile and on.type == "cuda":
        for network in generator.compilable():
            network.compile()
    with progress.bar(f"train {name}", cfg.steps) as shown, interruption.heard(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        trainer = L.Trainer(
            accelerator="gpu" if on.type == "cuda" else "cpu", devices=1, max_epochs=1, logger=False,
            precision="bf16-mixed" if compute.bf16(on) else "32-true", plugins=[checkpoints],
            callbacks=[Watch(checkpoints, shown, interruption)], enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, default_root_dir=work,
        )  # fmt: skip
        trainer.fit(module, Steps(module, split), ckpt_path=checkpoints.newest())
    return module

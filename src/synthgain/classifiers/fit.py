"""The one training loop of every classifier: Lightning, AdamW, cosine schedule, the best look at validation kept."""

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.classifiers.augment import augment
from synthgain.classifiers.inference import probabilities
from synthgain.classifiers.scores import balanced_accuracy, log_loss
from synthgain.dataset import to_float
from synthgain.errors import SynthgainError
from synthgain.schema import Augmentation, ClassifierTraining
from synthgain.seeding import derive, rng

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Images ``(B, C, ...)`` and class indices ``(B,)``."""


@dataclass
class Look:
    """What one look at the validation split showed; ``loss`` is the mean training loss since the look before."""

    step: int
    loss: float
    val_balanced_accuracy: float
    val_log_loss: float

    @property
    def rank(self) -> tuple[float, float]:
        """Greater is better: balanced accuracy first, then log loss."""
        return self.val_balanced_accuracy, -self.val_log_loss


@dataclass
class _Course:
    """A training run under way: losses since the last look, the looks, the weights at the best after some step."""

    after: int
    losses: list[Tensor] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    def look(self, step: int, network: nn.Module, validation: Batch) -> None:
        loss = float(torch.stack(self.losses).mean())
        if not np.isfinite(loss):
            raise SynthgainError(
                f"classifier training diverged before step {step} (loss {loss}); "
                "lower classifier.training.learning_rate or check the images"
            )
        predicted = probabilities(network, validation[0])
        seen = Look(step, loss, balanced_accuracy(predicted, validation[1]), log_loss(predicted, validation[1]))
        chosen = [look.rank for look in self.looks if look.step > self.after]
        if step > self.after and (not chosen or seen.rank > max(chosen)):
            self.best = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.looks.append(seen)
        self.losses.clear()


def fit(
    network: nn.Module,
    batch: Callable[[int], Batch],
    validation: Batch,
    training: ClassifierTraining,
    *,
    augmentation: Augmentation | None,
    class_weights: npt.NDArray[np.float32] | None = None,
    mixup: float = 0.0,
    after: int = 0,
    seed: int,
    on: torch.device,
) -> list[Look]:
    """Train ``network`` in place and leave it, in evaluation mode on the CPU, at its best look.

    Parameters
    ----------
    network: gives logits ``(B, K)``.
    batch: the batch of a step, counted from 0.
    validation: images and labels of the validation split.
    augmentation: applied to every batch; None for none.
    class_weights: of the loss, ``(K,)``; None: all classes weigh the same.
    mixup: parameter alpha of mixup, each batch with itself in another order; 0 for none.
    after: looks up to this step are recorded, but none of them is the best one.
    seed: with the step, determines all randomness.
    on: the device to train on.

    Raises
    ------
    SynthgainError
        The loss is not finite.
    """
    course = _Course(after)
    with torch.random.fork_rng():
        network.to(on)
        if all(weight.dim() < 5 for weight in network.parameters()):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = None if class_weights is None else torch.from_numpy(class_weights).to(on)
        loss = partial(_loss, weights=weights, mixup=mixup, seed=seed)
        module = _module(network, training, augmentation, loss, seed, on, course, validation)
        _trainer(training.steps, on).fit(module, train_dataloaders=_Steps(batch, training.steps))
    network.load_state_dict(course.best)
    network.cpu().eval()
    return course.looks


@dataclass(frozen=True)
class _Steps:
    """The whole training as one epoch of ``(step, images, labels)``."""

    batch: Callable[[int], Batch]
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        for step in range(self.count):
            images, labels = self.batch(step)
            yield step, torch.from_numpy(images), torch.from_numpy(labels)


def _trainer(steps: int, on: torch.device) -> Any:
    import pytorch_lightning as lightning

    # Lightning 2.6 asks PyTorch for something deprecated, and says so once per training.
    warnings.filterwarnings("ignore", message=r".*LeafSpec", category=FutureWarning)
    for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Barebones: no logger, checkpoint or bar of Lightning's own, which would cost more than these short trainings.
    accelerator = "gpu" if on.type == "cuda" else "cpu"
    return lightning.Trainer(barebones=True, max_steps=steps, max_epochs=1, accelerator=accelerator, devices=1)


def _module(
    network: nn.Module,
    training: ClassifierTraining,
    augmentation: Augmentation | None,
    loss_of: Callable[[nn.Module, Tensor, Tensor, int], Tensor],
    seed: int,
    on: torch.device,
    course: _Course,
    validation: Batch,
) -> Any:
    import pytorch_lightning as lightning

    class Classification(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.AdamW(
                self.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
            )
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

        def training_step(self, batch: tuple[int, Tensor, Tensor], _: int) -> Tensor:
            step, images, labels = batch
            _seed(derive(seed, "step", step), on)
            images = to_float(images)
            if augmentation is not None:
                images = augment(images, augmentation, seed=seed, step=step)
            loss = loss_of(self.network, images, labels, step)
            course.losses.append(loss.detach())
            return loss

        def on_train_batch_end(self, _: Any, batch: tuple[int, Tensor, Tensor], __: int) -> None:
            done = batch[0] + 1
            if done % training.validate_every == 0 or done == training.steps:
                course.look(done, self.network, validation)

    return Classification()


def _loss(
    network: nn.Module, images: Tensor, labels: Tensor, step: int, *, weights: Tensor | None, mixup: float, seed: int
) -> Tensor:
    """Cross-entropy; with mixup, of convex combinations of images and labels (Zhang et al., ICLR 2018, equation 1)."""
    if not mixup:
        return F.cross_entropy(network(images), labels, weights)
    draw = rng(seed, "mixup", step)
    share, order = float(draw.beta(mixup, mixup)), torch.from_numpy(draw.permutation(len(images)))
    logits = network(share * images + (1 - share) * images[order])
    mixed: Tensor = share * F.cross_entropy(logits, labels, weights)
    return mixed + (1 - share) * F.cross_entropy(logits, labels[order], weights)


def _seed(seed: int, on: torch.device) -> None:
    """What `torch.manual_seed` does, without its 3 ms for every kind of device that this machine lacks."""
    torch.default_generator.manual_seed(seed)
    if on.type == "cuda":
        torch.cuda.manual_seed(seed)

"""Differentially private training (Abadi et al., CCS 2016): each unit's gradient is clipped, their sum is made noisy.

The guarantee is for whoever sees the generator or images drawn from it. Which units a step sees, and the noise, come
from a secret of the operating system that is deleted after the training, never from the experiment's seed; so no second
training gives the same weights. It does not cover the learning curve, nor a selection of images by a network that was
trained on the same images without noise, nor attacks on how PyTorch rounds its normal numbers (Mironov, CCS 2012).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from synthgain.errors import SynthgainError
from synthgain.generators.contract import Generator, Phase
from synthgain.schema import DP, GeneratorTraining

_AT_ONCE = 8
"""Images whose gradients are held in memory side by side."""
Loss = Callable[[Tensor, Tensor], Tensor]


def refuse_unfit(generator: Generator, name: str) -> None:
    """Raise `SynthgainError` where per-image clipping would not bound what one image contributes."""
    mixing = [path for path, module in generator.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if mixing:
        raise SynthgainError(
            f"generators.{name}.training.privacy: the layer '{mixing[0]}' is batch normalisation ({len(mixing)} such "
            "layers), which mixes the images of a batch, so that no image's part can be bounded; choose another "
            "model.norm (the VAE has 'group') or another family (edm)"
        )
    if len(generator.phases()) != 1:
        raise SynthgainError(
            f"generators.{name}.training.privacy: only families with one loss are trained with differential privacy "
            f"(edm, vae), not one with {len(generator.phases())} phases"
        )


def accounted(cfg: GeneratorTraining, units: int) -> dict[str, Any]:
    """What the guarantee is, by Opacus's Renyi accountant: a record for the artifact.

    ``epsilon``, ``delta``, ``unit``, ``noise_multiplier``, ``max_grad_norm``, ``sampler``, ``sample_rate``, ``steps``,
    ``units`` (images or patients in the train split).

    Raises
    ------
    SynthgainError
        A batch expects more units than there are, or no noise reaches the epsilon asked for.
    """
    from opacus.accountants import RDPAccountant
    from opacus.accountants.utils import get_noise_multiplier

    dp = cfg.privacy
    assert dp is not None
    delta = 0.1 / units if dp.delta is None else dp.delta
    if delta >= 1 / units:
        raise SynthgainError(
            f"training.privacy.delta={delta:g}: has to be below 1 / {units} units ({dp.unit}s) of the train split; a "
            "larger one would let a whole unit be given away"
        )
    rate = cfg.batch_size / units
    if rate > 1:
        raise SynthgainError(
            f"training.batch_size={cfg.batch_size}: more than the {units} units ({dp.unit}s) of the train split; "
            "differentially private training needs at most as many"
        )
    noise = dp.noise_multiplier
    if noise is None:
        try:
            noise = get_noise_multiplier(
                target_epsilon=dp.epsilon, target_delta=delta, sample_rate=rate, steps=cfg.steps, accountant="rdp"
            )
        except ValueError:
            raise SynthgainError(
                f"training.privacy.epsilon={dp.epsilon}: no noise reaches it in {cfg.steps} steps at a sampling rate "
                f"of {rate:.3g}; ask for a larger epsilon, fewer steps or a smaller batch"
            ) from None
    accountant = RDPAccountant()
    accountant.history = [(noise, rate, cfg.steps)]
    return {
        "epsilon": float(accountant.get_epsilon(delta)), "delta": delta, "unit": dp.unit,
        "noise_multiplier": float(noise), "max_grad_norm": dp.max_grad_norm, "sampler": "Poisson", "sample_rate": rate,
        "steps": cfg.steps, "units": units,
    }  # fmt: skip


def set_gradient(generator: Generator, phase: Phase, images: Tensor, labels: Tensor, dp: DP, expected: int) -> Tensor:
    """Set the phase's gradient to ``(sum of clipped gradients + noise) / expected``; returns the mean loss.

    Parameters
    ----------
    images, labels: ``(B, C, H, W)`` and ``(B,)``, one image per unit; B may be 0.
    dp: with its ``noise_multiplier``, from `accounted` where an epsilon was asked for.
    expected: mean of B under Poisson sampling.
    """
    if dp.noise_multiplier is None:
        raise ValueError("differentially private training without a noise multiplier")
    weights = {f"generator.{name}": value for name, value in generator.named_parameters()}
    sums = {name: torch.zeros_like(value) for name, value in weights.items()}
    losses = images.new_zeros(1)
    each = _per_image(generator, phase.loss)
    for start in range(0, len(images), _AT_ONCE):
        gradients, loss = each(weights, images[start : start + _AT_ONCE], labels[start : start + _AT_ONCE])
        norms = torch.stack([value.flatten(1).norm(dim=1) for value in gradients.values()]).norm(dim=0)
        factors = (dp.max_grad_norm / norms.clamp(min=1e-12)).clamp(max=1.0)
        for name, value in gradients.items():
            sums[name] += torch.einsum("b,b...->...", factors, value)
        losses += loss.sum()
    for name, value in weights.items():
        noise = dp.noise_multiplier * dp.max_grad_norm * torch.randn_like(value)
        value.grad = (sums[name] + noise) / expected
    return losses[0] / max(1, len(images))


class _Module(nn.Module):
    """A loss as a module, so that its weights can be given from outside."""

    def __init__(self, generator: Generator, loss: Loss) -> None:
        super().__init__()
        self.generator, self.loss = generator, loss

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.loss(images, labels)


def _per_image(generator: Generator, loss: Loss) -> Callable[..., tuple[dict[str, Tensor], Tensor]]:
    module = _Module(generator, loss)

    def of_one(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(module, weights, (image[None], label[None]))
        return found

    both = torch.func.vmap(torch.func.grad_and_value(of_one), in_dims=(None, 0, 0), randomness="different")
    found: Callable[..., tuple[dict[str, Tensor], Tensor]] = both
    return found

"""From stored images to probabilities and features: one way for validation, test and encoder."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthgain.dataset import to_float

_BATCH = 256


def probabilities(network: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Softmax ``(N, K)`` for uint8 images ``(N, C, ...)``, in evaluation mode, on the network's device."""
    return _stacked([network(batch).softmax(1) for batch in _batches(network, images)])


def features(network: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What enters the network's last linear layer, ``(N, F)``, for uint8 images ``(N, C, ...)``."""
    seen: list[Tensor] = []
    hook = last_linear(network).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        for batch in _batches(network, images):
            network(batch)
    finally:
        hook.remove()
    return _stacked(seen)


def last_linear(network: nn.Module) -> nn.Linear:
    """The layer that turns features into logits."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]


def _batches(network: nn.Module, images: npt.NDArray[np.uint8]) -> Iterator[Tensor]:
    on = next(network.parameters()).device
    training = network.training
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.array(images[start : start + _BATCH])).to(on)
            yield to_float(batch)
    network.train(training)


def _stacked(parts: list[Tensor]) -> npt.NDArray[np.float32]:
    return torch.cat(parts).float().cpu().numpy()

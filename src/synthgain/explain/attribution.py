"""Saliency maps: how much each pixel of an image speaks for a class, to one classifier.

A map shows where a network looked, not why, and is no evidence that it is right. Every method explains the logit of the
class that is asked for; maps are float32 ``(N, H, W)``, positive where a pixel speaks for that class.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthgain.dataset import to_float

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Maps = npt.NDArray[np.float32]
LEAST_POSITIONS = 4
"""Grad-CAM weighs the deepest maps with at least so many positions a side: fewer cannot tell places apart."""
PATCH, STRIDE = 5 / 32, 3 / 32
"""Side of the square that occlusion covers, and how far it moves, as shares of the image's side."""
STEPS = 32
"""Points of the Gauss-Legendre rule along the path of integrated gradients."""
_BATCH = 64
BLACK = -1.0
"""The value that stands for no signal: what covers an occluded square, and where integrated gradients start."""


@dataclass(frozen=True)
class Classifier:
    """A trained network in evaluation mode."""

    network: nn.Module
    feature_maps: Callable[[nn.Module], Sequence[nn.Module]]
    """The layers of such a network whose maps Grad-CAM may weigh, deepest first: see ``classifiers/<kind>.py``."""


def explain(classifier: Classifier, method: str, images: Images, labels: Labels) -> Maps:
    """The maps of a method in `METHODS`: uint8 ``(N, C, H, W)`` and the classes to explain ``(N,)`` -> ``(N, H, W)``.

    Deterministic; a map depends on its own image alone.
    """
    maps = [
        METHODS[method](classifier, to_float(pixels), classes).detach().float()
        for pixels, classes in zip(
            torch.from_numpy(np.array(images)).split(_BATCH), torch.from_numpy(labels).split(_BATCH), strict=True
        )
    ]
    return torch.cat(maps).numpy()


def grad_cam(classifier: Classifier, inputs: Tensor, labels: Tensor) -> Tensor:
    """``relu(sum_k a_k A_k)``, ``a_k`` the mean gradient on feature map ``A_k``, enlarged to the image's size.

    Selvaraju et al., ICCV 2017, equations 1 and 2. At most 32 by 32 pixels the deepest maps of a deep network have a
    position or two; then the deepest with `LEAST_POSITIONS` a side are weighed.
    """
    from captum.attr import LayerGradCam

    layer = _deepest(classifier, inputs[:1])
    coarse = LayerGradCam(classifier.network, layer).attribute(inputs, labels, relu_attributions=True)
    return F.interpolate(coarse, list(inputs.shape[2:]), mode="bilinear", align_corners=False)[:, 0]


def occlusion(classifier: Classifier, inputs: Tensor, labels: Tensor) -> Tensor:
    """How far the logit falls when a black square covers a pixel, mean over the squares that do.

    Zeiler and Fergus, ECCV 2014, section 4.2.
    """
    from captum.attr import Occlusion

    channels, height, width = inputs.shape[1:]
    window = (channels, *(max(1, round(side * PATCH)) for side in (height, width)))
    stride = (channels, *(max(1, round(side * STRIDE)) for side in (height, width)))
    with torch.no_grad():
        found: Tensor = Occlusion(classifier.network).attribute(
            inputs, window, stride, baselines=BLACK, target=labels, perturbations_per_eval=8
        )
    return found[:, 0]


def integrated_gradients(classifier: Classifier, inputs: Tensor, labels: Tensor) -> Tensor:
    """``(x - x') * mean of the gradients between x' and x``, summed over channels; ``x'`` is a black image.

    Sundararajan, Taly and Yan, ICML 2017, equation 1. A map sums to the difference of the logits of image and black
    image (completeness, proposition 1), but for the error of the quadrature: see `incompleteness`.
    """
    from captum.attr import IntegratedGradients

    found: Tensor = IntegratedGradients(classifier.network).attribute(
        inputs, baselines=BLACK, target=labels, n_steps=STEPS, internal_batch_size=8 * _BATCH
    )
    return found.sum(1)


METHODS: dict[str, Callable[[Classifier, Tensor, Tensor], Tensor]] = {
    "grad_cam": grad_cam, "occlusion": occlusion, "integrated_gradients": integrated_gradients,
}  # fmt: skip


def incompleteness(classifier: Classifier, images: Images, labels: Labels, maps: Maps) -> float:
    """How far maps of integrated gradients miss completeness: mean absolute error over mean absolute difference."""
    inputs, classes = to_float(torch.from_numpy(np.array(images))), torch.from_numpy(labels)[:, None]
    with torch.inference_mode():
        black = classifier.network(torch.full_like(inputs[:1], BLACK)).expand(len(inputs), -1)
        apart = (classifier.network(inputs) - black).gather(1, classes)[:, 0]
    missed = torch.from_numpy(maps).sum((1, 2)) - apart
    return float(missed.abs().mean() / apart.abs().mean().clamp(min=1e-12))


def _deepest(classifier: Classifier, image: Tensor) -> nn.Module:
    """The deepest layer whose maps have `LEAST_POSITIONS` a side, or else the one with the largest maps."""
    sides: dict[nn.Module, int] = {}

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        sides[module] = min(output.shape[2:])

    layers = classifier.feature_maps(classifier.network)
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            classifier.network(image)
    finally:
        for hook in hooks:
            hook.remove()
    fine = [layer for layer in layers if sides[layer] >= LEAST_POSITIONS]
    return fine[0] if fine else max(layers, key=lambda layer: sides[layer])

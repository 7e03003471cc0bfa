"""Samplers of diffusion models: pure functions of a denoiser and a noise schedule."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""``(x (B, C, H, W), sigma (B,)) -> E[clean image | x]``."""


def karras_sigmas(steps: int, smallest: float, largest: float, rho: float) -> Tensor:
    """Noise levels from ``largest`` to ``smallest`` and then 0, ``(steps + 1,)``, float64.

    Karras et al., NeurIPS 2022, equation 5.
    """
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    first, last = largest ** (1 / rho), smallest ** (1 / rho)
    return torch.cat([(first + ramp * (last - first)) ** rho, torch.zeros(1, dtype=torch.float64)])


def heun(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    """Solve the probability flow ``dx/dsigma = (x - denoise(x)) / sigma`` from ``sigmas[0]`` to ``sigmas[-1]``.

    Karras et al., NeurIPS 2022, algorithm 1: Heun's second-order method, with an Euler step into ``sigma = 0``.

    Parameters
    ----------
    x: the start, ``(B, C, H, W)``, with noise of standard deviation ``sigmas[0]``.
    sigmas: falling noise levels ``(steps + 1,)``.
    """

    def slope(x: Tensor, sigma: float) -> Tensor:
        return (x - denoise(x, torch.full((len(x),), sigma, dtype=x.dtype, device=x.device))) / sigma

    levels = sigmas.tolist()
    for now, after in pairwise(levels):
        first = slope(x, now)
        euler = x + (after - now) * first
        x = euler if after == 0 else x + (after - now) * (first + slope(euler, after)) / 2
    return x


def dpm_solver(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    """Solve the same flow with one evaluation a step, by extrapolating from the denoised image of the step before.

    Lu et al., DPM-Solver++ (2022), algorithm 2 (2M): exact in the linear part, second order in ``log sigma``.

    Parameters
    ----------
    As of `heun`.
    """
    levels = sigmas.tolist()
    before, last_step = None, 0.0
    for now, after in pairwise(levels):
        clean = denoise(x, torch.full((len(x),), now, dtype=x.dtype, device=x.device))
        if after == 0:
            return clean
        step = math.log(now / after)
        target = clean if before is None else clean + (clean - before) * step / (2 * last_step)
        x = target + (x - target) * (after / now)
        before, last_step = clean, step
    return x


SOLVERS = {"heun": heun, "dpm": dpm_solver}


def guided(
    conditional: Denoiser, unconditional: Denoiser, scale: float, interval: tuple[float, float] = (0.0, float("inf"))
) -> Denoiser:
    """Classifier-free guidance: ``u + scale (c - u)`` (Ho and Salimans, 2022); 1 is the conditional model alone.

    Outside ``interval`` of noise levels the conditional model is used as it is, at half the cost (Kynkäänniemi et al.,
    NeurIPS 2024).
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        with_class = conditional(x, sigma)
        if scale == 1 or not interval[0] <= float(sigma[0]) <= interval[1]:
            return with_class
        without = unconditional(x, sigma)
        return without + scale * (with_class - without)

    return denoise

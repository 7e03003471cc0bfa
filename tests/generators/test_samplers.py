"""The sampler solves the probability flow, to second order."""

import math

import pytest
import torch

from synthgain.generators.samplers import SOLVERS, guided, karras_sigmas


def test_the_schedule_is_the_one_of_the_paper() -> None:
    sigmas = karras_sigmas(18, 0.002, 80.0, 7.0)
    assert len(sigmas) == 19
    assert sigmas[0] == pytest.approx(80)
    assert sigmas[-2] == pytest.approx(0.002)
    assert sigmas[-1] == 0
    # Equation 5 at i = 1 of 18.
    assert sigmas[1] == pytest.approx((80 ** (1 / 7) + (0.002 ** (1 / 7) - 80 ** (1 / 7)) / 17) ** 7)
    assert (sigmas.diff() < 0).all()


def error_after(solver: str, steps: int) -> float:
    """Data N(0, s^2): the flow multiplies x by sqrt((s^2 + a^2) / (s^2 + b^2)) from noise level b to a."""
    spread, largest, smallest = 0.5, 20.0, 0.1
    x = torch.full((1, 1, 1, 1), 3.0, dtype=torch.float64)
    sigmas = karras_sigmas(steps, smallest, largest, 7.0)[:-1]
    found = SOLVERS[solver](lambda x, sigma: x * spread**2 / (spread**2 + sigma.view(-1, 1, 1, 1) ** 2), x, sigmas)
    exact = 3.0 * math.sqrt((spread**2 + smallest**2) / (spread**2 + largest**2))
    return abs(found.item() - exact)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_halving_the_step_quarters_the_error(solver: str) -> None:
    order = math.log2(error_after(solver, 33) / error_after(solver, 65))
    assert order == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("solver, evaluations", [("heun", 2), ("dpm", 1)])
def test_a_step_costs_as_many_evaluations_as_said(solver: str, evaluations: int) -> None:
    asked: list[float] = []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        asked.append(float(sigma[0]))
        return x * 0

    found = SOLVERS[solver](denoise, torch.ones(1, 1, 1, 1), karras_sigmas(10, 0.01, 20.0, 7.0))
    assert len(asked) == 10 * evaluations - (evaluations - 1)
    assert found.item() == 0


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_samples_of_a_gaussian_have_its_mean_and_deviation(solver: str) -> None:
    torch.manual_seed(0)
    mean, spread = 0.3, 0.5
    start = 40 * torch.randn(4000, 1, 1, 1, dtype=torch.float64)

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        share = spread**2 / (spread**2 + sigma.view(-1, 1, 1, 1) ** 2)
        return mean + share * (x - mean)

    drawn = SOLVERS[solver](denoise, start, karras_sigmas(18, 0.002, 40.0, 7.0))
    assert drawn.mean() == pytest.approx(mean, abs=0.03)
    assert drawn.std() == pytest.approx(spread, abs=0.03)


def test_guidance_extrapolates_from_the_unconditional_model_within_its_interval_only() -> None:
    x, sigma = torch.zeros(1, 1, 1, 1), torch.ones(1)
    asked: list[float] = []

    def conditional(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return x + 3.0

    def unconditional(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        asked.append(sigma.item())
        return x + 1.0

    assert guided(conditional, unconditional, 1.0)(x, sigma).item() == 3
    assert not asked
    assert guided(conditional, unconditional, 0.0)(x, sigma).item() == 1
    within = guided(conditional, unconditional, 2.5, (0.5, 2.0))
    assert [within(x, level * sigma).item() for level in (0.4, 0.5, 2.0, 2.1)] == [3, 6, 6, 3]
    assert asked == [1.0, 0.5, 2.0]

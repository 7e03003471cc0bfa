"""Generators that follow from others: other sampling from the same weights, and further trainings of the same settings.

Both are entries of ``generators`` like any other, so that each is drawn, audited and compared in the same way.
"""

from typing import Any

from synthgain.config import component, learns
from synthgain.errors import SynthgainError, nearest

Values = dict[str, Any]


def expand(values: Values) -> Values:
    """The composed experiment, as plain values, with every generator that follows from its others written out.

    - An entry that names the ``weights`` of another one gets its settings, but for what its ``sampling`` brings.
    - ``screening.guidance`` adds ``<g>-g<strength>`` to each generator that can be guided: the same weights, guided so.
    - ``generator_seeds: paired`` adds ``<g>-seed<i>``, trained with its own seed, for each confirmation seed but the
      first, whose generator is ``<g>`` itself.

    Raises
    ------
    SynthgainError
        ``weights`` names no generator that is trained, or other settings than those of sampling stand beside it.
    """
    given: dict[str, Values] = dict(values.get("generators") or {})
    if any(each.get("kind") is None and each.get("weights") is None for each in given.values()):
        return values  # refused where values are typed
    generators = {name: _filled(name, each, given) for name, each in given.items()}
    for name, each in tuple(generators.items()):
        for strength in _strengths(values.get("screening")) if "weights" not in each else ():
            if _guidance(each) not in (None, strength):
                sampling = {**(each.get("sampling") or {}), "guidance": strength}
                generators[f"{name}-g{strength:g}"] = {**each, "weights": name, "sampling": sampling}
    seeds = values.get("seeds", 8)
    if values.get("generator_seeds") == "paired" and isinstance(seeds, int):
        for index in range(1, seeds):
            generators |= _trained_again(generators, index)
    return {**values, "generators": generators}


def _filled(name: str, each: Values, given: dict[str, Values]) -> Values:
    origin = each.get("weights")
    if origin is None:
        return each
    others = [other for other, settings in given.items() if "weights" not in settings]
    if origin not in others:
        raise SynthgainError(f"generators.{name}.weights: no trained generator '{origin}'{nearest(origin, others)}")
    if other := sorted(set(each) - {"weights", "sampling"}):
        raise SynthgainError(f"generators.{name}.{other[0]}: only 'sampling' can differ where weights are another's")
    sampling = {**(given[origin].get("sampling") or {}), **(each.get("sampling") or {})}
    return {**given[origin], "weights": origin, "sampling": sampling}


def _strengths(screening: Any) -> list[float]:
    """The strengths of ``screening.guidance``; what is no number is refused where values are typed."""
    given = screening.get("guidance") if isinstance(screening, dict) else None
    return [each for each in given if isinstance(each, int | float)] if isinstance(given, list | tuple) else []


def _guidance(generator: Values) -> float | None:
    """At what strength a generator is guided; None for one that cannot be."""
    sampling = component("generators", generator["kind"]).Config().sampling
    default = getattr(sampling, "guidance", None)
    given = generator.get("sampling") or {}
    strength = given.get("guidance", default) if isinstance(given, dict) else None
    return float(strength) if isinstance(default, float) and isinstance(strength, int | float) else None


def _trained_again(generators: dict[str, Values], index: int) -> dict[str, Values]:
    """The generators of one more confirmation seed."""
    return {
        f"{name}-seed{index}": {
            **each, "repeats": name, **({"weights": f"{each['weights']}-seed{index}"} if "weights" in each else {}),
        }
        for name, each in generators.items()
        if "repeats" not in each and learns(each["kind"])
    }  # fmt: skip

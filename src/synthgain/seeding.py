"""Randomness as a function of names: every stream of random numbers has a key, none has a history."""

import hashlib

import numpy as np


def derive(seed: int, *key: str | int) -> int:
    """A 63-bit seed that depends on ``seed`` and every part of ``key``, equal on every machine.

    ``derive(0, "edm", "step", 17)`` is the seed of training step 17, whether or not the 16 before it ran in this
    process; that is what makes a resumed training equal to an uninterrupted one.
    """
    text = "\x1f".join([str(seed), *map(str, key)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def rng(seed: int, *key: str | int) -> np.random.Generator:
    """A NumPy generator for the stream named by ``key``."""
    return np.random.default_rng(derive(seed, *key))

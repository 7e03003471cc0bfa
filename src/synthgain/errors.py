"""The one exception that a user is meant to read."""

import difflib
from collections.abc import Iterable


class SynthgainError(Exception):
    """A fault in the user's input or surroundings: shown as a sentence, without a traceback, exit status 2."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest valid word, else the list of valid words."""
    valid = sorted(valid)
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; valid: {', '.join(valid)}" if valid else ""

"""The exceptions that a user is meant to read."""

import difflib
import signal
from collections.abc import Iterable


class SynthgainError(Exception):
    """A fault in the user's input or surroundings: shown as a sentence, without a traceback."""

    status = 2
    """Exit status of the command that it ends."""


class KilledError(SynthgainError):
    """A helper process was killed, as a rule for want of memory: the flow makes a second attempt."""

    status = 128 + signal.SIGKILL


def nearest(word: str, valid: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest valid word, else the list of valid words."""
    valid = sorted(valid)
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; valid: {', '.join(valid)}" if valid else ""

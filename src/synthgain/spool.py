"""What tracking could not deliver: a warning, and beside the locks a line of JSON each, without any password."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from synthgain.paths import Paths

FILE = "unlogged.jsonl"
_LOGIN = re.compile(r"://\S*@")
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_SECRET_IN = re.compile(r"://[^:@/]*:(\S*)@|[?&][^=&\s]*(?:pass|pwd|token|secret|key)[^=&\s]*=([^&\s]+)", re.IGNORECASE)
_LONGEST = 400


class Spool:
    """The notes of one run; never a reason for it to fail."""

    def __init__(self, paths: Paths, run: str, uri: str) -> None:
        self.path = paths.state / FILE
        self._run, self._uri, self._warned = run, uri, False

    def note(self, what: str, given: Sequence[Any], fault: BaseException) -> None:
        """Note that ``what`` (with the arguments ``given``) was not logged; the first time, warn on stderr."""
        why = reason(fault, self._uri)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"), "run": self._run, "what": what,
            "given": [str(each)[:_LONGEST] for each in given], "why": why,
        }  # fmt: skip
        with contextlib.suppress(OSError):
            if not self._warned:
                self._warned = True
                said = f"synthgain: MLflow: {why}; the run goes on, {self.path} notes what is not logged"
                print(said, file=sys.stderr, flush=True)
            self.path.parent.mkdir(exist_ok=True)
            with open(self.path, "a") as stream:
                stream.write(json.dumps(line) + "\n")


def reason(fault: BaseException, uri: str) -> str:
    """A fault in a line, without the logins and passwords of the store at ``uri``."""
    first = next(iter(str(fault).strip().splitlines()), "")
    known = [found for pair in _SECRET_IN.findall(uri) for found in pair] + [os.environ.get(name) for name in _SECRETS]
    for secret in filter(None, known):
        first = first.replace(secret, "***")
    return f"{type(fault).__name__}: {_LOGIN.sub('://***@', first)}"[:_LONGEST]

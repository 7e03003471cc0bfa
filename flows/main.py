"""What ``synthgain run`` runs on ``params.yaml``: servers first, which start while the flow is imported."""

import signal
import sys
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from api_server import api
from stage_server import serving

from synthgain.errors import SynthgainError
from synthgain.paths import find_workspace


def main() -> None:
    """Run the flow, print the outcome; an error is one message and exit status 2."""
    signal.signal(signal.SIGTERM, _stop)  # until the flow has its own way to stop
    try:
        first = not find_workspace().out("report").exists()  # then all is to be done; else only what has changed tells
        with serving() if first else nullcontext(), api() as wait_for_api:
            from experiment import conduct

            conduct(wait_for_api)
    except SynthgainError as error:
        print(f"synthgain: {error}", file=sys.stderr)
        sys.exit(2)


def _stop(*_: object) -> None:
    print("synthgain: stopped on request; the same command goes on from here", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()

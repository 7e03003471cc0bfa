"""The command line's grammar, and how a fault ends it."""

import argparse
import errno
import sys
from collections.abc import Sequence
from typing import Any

from synthgain import commands
from synthgain.errors import SynthgainError
from synthgain.paths import STAGES

_SURROUNDINGS = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM)
"""What the system says where the disk or its permissions are at fault, not the program."""
_EXAMPLES = """examples:
  synthgain run                                             the embedded brain phantom
  synthgain run dataset=folder dataset.path=/data/mri       class folders
  synthgain run dataset=table dataset.path=/mri/scans.csv   a CSV with file, label, patient_id
  synthgain run generator=edm classifier=densenet seeds=8   another experiment
  synthgain run experiment=brain_tumor_mri                  a study from conf/experiment/
  synthgain power --discordant 0.1 --images-per-patient 4   how many patients and seeds a gain of 2 points needs
"""


class _Version(argparse.Action):
    """``--version``; the packages' metadata are read only where they are asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version(parser.prog)}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="synthgain",
        description="Do synthetic medical images make my classifier better, by how much, how sure are we, "
        "and are they safe to use?",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print it and leave")
    known = top.add_subparsers(dest="command", required=True, metavar="command")
    run = known.add_parser("run", help="from images to the measured gain")
    run.add_argument("--dry-run", action="store_true", help="show what would be run, write nothing")
    compose = known.add_parser("compose", help="show the resolved configuration")
    compose.add_argument("--write", action="store_true", help="write it to params.yaml, for 'dvc repro'")
    for command in (run, compose):
        command.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra overrides of conf/config.yaml")
    stage = known.add_parser("stage", help="run one stage on params.yaml (what DVC calls)")
    stage.add_argument("name", choices=STAGES, metavar="name", help=", ".join(STAGES))
    stage.add_argument("item", nargs="?", help="the generator, for stages that have one")
    known.add_parser("verdict", help="print the last run's gain table and verdict")
    gate = known.add_parser("gate", help="may the synthetic set be released? exit status 0: yes, 1: no, 2: error")
    gate.add_argument(
        "--reason", choices=("utility", "privacy"), default="utility", help="why there are synthetic images"
    )
    gate.add_argument("--strict", action="store_true", help="what is not known counts against a release")
    gate.add_argument("--json", action="store_true", help="print the decision as JSON")
    known.add_parser("report", help="open the report in a browser")
    results = known.add_parser("results", help="write the last run's result page for the documentation")
    results.add_argument("study", help="names the page: <study>.md, <study>.json, <study>.svg")
    results.add_argument("--to", default="docs/results", metavar="folder", help="default: docs/results")
    _add_planning(known)
    _add_value(known)
    ui = known.add_parser("ui", help="open MLflow on this workspace's runs")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    ui.add_argument("--port", type=int, default=5000)
    ui.add_argument("--anyone", action="store_true", help="let everyone who reaches --host read and change them")
    return top


def _add_planning(known: Any) -> None:
    power = known.add_parser("power", help="how many test patients and seeds a gain of some size needs")
    power.add_argument("--gain", type=float, default=2.0, metavar="points", help="to be found (default: 2)")
    power.add_argument(
        "--discordant", type=float, metavar="share",
        help="images that one of both arms recognises and the other does not, 0.06 for 6 %%; without it the finished "
        "study in this workspace is asked",
    )  # fmt: skip
    power.add_argument("--images-per-patient", type=float, default=1.0, metavar="n", help="default: 1")
    power.add_argument("--icc", type=float, default=0.3, help="correlation within a patient (default: 0.3)")
    power.add_argument(
        "--seed-sd", type=float, default=2.0, metavar="points",
        help="standard deviation of a single seed's difference (default: 2)",
    )  # fmt: skip
    power.add_argument("--classes", type=int, default=2, help="default: 2")
    power.add_argument("--level", type=float, default=0.95, help="of the interval (default: 0.95)")
    power.add_argument("--patients", type=int, nargs="+", metavar="n", help="rows of the table")
    power.add_argument("--seeds", type=int, nargs="+", metavar="n", help="columns of the table")
    calibrate = known.add_parser("calibrate", help="simulate studies of known truth, and check the rule on them")
    calibrate.add_argument("--studies", type=int, default=2000, help="per scenario and true gain (default: 2000)")
    calibrate.add_argument(
        "--trained", action="store_true",
        help="train instead, on the phantom with controls, judge thousands of studies drawn from those trainings, and "
        "add what came of it to the page in the folder",
    )  # fmt: skip
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--workers", type=int, default=2, help="processes side by side (default: 2)")
    calibrate.add_argument("--to", default="docs/results", metavar="folder", help="default: docs/results")


def _add_value(known: Any) -> None:
    value = known.add_parser("value", help="what the synthetic images save, in money")
    value.add_argument("--image", type=float, required=True, metavar="price", help="of one labelled image more")
    value.add_argument("--compute-hours", type=float, metavar="h", help="default: those of the last run")
    value.add_argument("--compute-hour", type=float, default=0.0, metavar="price", help="of one of them (default: 0)")
    value.add_argument("--labour-hours", type=float, default=0.0, metavar="h", help="of work on it (default: 0)")
    value.add_argument("--labour-hour", type=float, default=0.0, metavar="price", help="of one of them (default: 0)")
    value.add_argument("--currency", default="", metavar="name", help="to be printed behind the sums")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: a user's mistake is one message on stderr and exit status 2."""
    given = parser().parse_args(arguments)
    try:
        getattr(commands, given.command)(given)
    except SynthgainError as error:
        print(f"synthgain: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        if error.errno not in _SURROUNDINGS:
            raise
        print(f"synthgain: {error.filename or 'the disk'}: {error.strerror}; mend that, run again", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

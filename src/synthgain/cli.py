"""The command line. Nothing heavy is imported before a command needs it."""

import argparse
import errno
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthgain.errors import SynthgainError

if TYPE_CHECKING:
    from synthgain.paths import Paths

STAGES = (
    "ingest", "validate", "encode", "train_generator", "synthesize", "audit", "screen", "confirm",
    "learning_curve", "explain", "evaluate", "report",
)  # fmt: skip

_EXAMPLES = """examples:
  synthgain run                                             the embedded brain phantom
  synthgain run dataset=folder dataset.path=/data/mri       class folders
  synthgain run dataset=table dataset.path=/data/scans.csv  a CSV with file, label, patient_id
  synthgain run generator=edm classifier=densenet seeds=8   another experiment
  synthgain run experiment=brain_tumor_mri                  a study from conf/experiment/
  synthgain power --discordant 0.1 --images-per-patient 4   how many patients and seeds a gain of 2 points needs
"""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="synthgain",
        description="Do synthetic medical images make my classifier better, by how much, how sure are we, "
        "and are they safe to use?",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    run = commands.add_parser("run", help="from images to the measured gain")
    run.add_argument("--dry-run", action="store_true", help="show what would be run, write nothing")
    compose = commands.add_parser("compose", help="show the resolved configuration")
    compose.add_argument("--write", action="store_true", help="write it to params.yaml, for 'dvc repro'")
    for command in (run, compose):
        command.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra overrides of conf/config.yaml")
    stage = commands.add_parser("stage", help="run one stage on params.yaml (what DVC calls)")
    stage.add_argument("name", choices=STAGES, metavar="name", help=", ".join(STAGES))
    stage.add_argument("item", nargs="?", help="the generator, for stages that have one")
    commands.add_parser("verdict", help="print the last run's gain table and verdict")
    gate = commands.add_parser("gate", help="may the synthetic set be released? exit status 0: yes, 1: no, 2: error")
    gate.add_argument(
        "--reason", choices=("utility", "privacy"), default="utility", help="why there are synthetic images"
    )
    gate.add_argument("--strict", action="store_true", help="what is not known counts against a release")
    gate.add_argument("--json", action="store_true", help="print the decision as JSON")
    commands.add_parser("report", help="open the report in a browser")
    results = commands.add_parser("results", help="write the last run's result page for the documentation")
    results.add_argument("study", help="names the page: <study>.md, <study>.json, <study>.svg")
    results.add_argument("--to", default="docs/results", metavar="folder", help="default: docs/results")
    _add_planning(commands)
    ui = commands.add_parser("ui", help="open MLflow on this workspace's runs")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    ui.add_argument("--port", type=int, default=5000)
    return top


def _add_planning(commands: Any) -> None:
    power = commands.add_parser("power", help="how many test patients and seeds a gain of some size needs")
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
    calibrate = commands.add_parser("calibrate", help="simulate studies of known truth, and check the rule on them")
    calibrate.add_argument("--studies", type=int, default=2000, help="per scenario and true gain (default: 2000)")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--workers", type=int, default=2, help="processes side by side (default: 2)")
    calibrate.add_argument("--to", default="docs/results", metavar="folder", help="default: docs/results")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: a user's mistake is one message on stderr and exit status 2."""
    given = parser().parse_args(arguments)
    try:
        _dispatch(given)
    except SynthgainError as error:
        print(f"synthgain: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            raise
        print(f"synthgain: {error.filename or 'the disk'}: {error.strerror}; mend that, run again", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _dispatch(given: argparse.Namespace) -> None:
    if given.command == "run":
        _run(given.overrides, given.dry_run)
    elif given.command == "compose":
        _compose(given.overrides, given.write)
    elif given.command == "stage":
        _stage(given.name, given.item)
    elif given.command == "verdict":
        _verdict()
    elif given.command == "gate":
        _gate(given.reason, given.strict, given.json)
    elif given.command == "report":
        _report()
    elif given.command == "results":
        _results(given.study, given.to)
    elif given.command == "power":
        _power(given)
    elif given.command == "calibrate":
        _calibrate(given.studies, given.seed, given.workers, given.to)
    elif given.command == "ui":
        _ui(given.host, given.port)


def _run(overrides: Sequence[str], dry_run: bool) -> None:
    from synthgain.compose import compose, write_params
    from synthgain.paths import find_workspace
    from synthgain.plan import describe

    paths = find_workspace()
    cfg = compose(paths, overrides)
    if dry_run:
        print(describe(cfg))
        return
    from synthgain import lineage, outcome, workspace
    from synthgain.fidelity import extractors

    extractors.check(cfg.fidelity.extractors, paths.root)
    lock = workspace.claim(paths)
    print(describe(cfg), flush=True)
    lineage.begin(paths)
    write_params(paths, cfg)
    known = lineage.raw_is_tracked(paths, cfg)
    if known:
        lineage.track_raw(paths, cfg)  # DVC's status says nothing of a changed original outside the workspace
    if known and not lineage.changed(paths):
        from synthgain import tracking

        print("nothing has changed: no stage runs")
        with tracking.Run.begin(paths, cfg) as run:
            run.log_verdict()
        print(outcome.summary(paths, cfg, run.page))
        return
    os.chdir(paths.root)
    sys.exit(workspace.conduct([sys.executable, str(paths.root / "flows" / "experiment.py")], lock))


def _compose(overrides: Sequence[str], write: bool) -> None:
    import yaml

    from synthgain.compose import compose, write_params
    from synthgain.paths import find_workspace

    paths = find_workspace()
    cfg = compose(paths, overrides)
    if write:
        from synthgain import lineage, workspace

        lock = workspace.claim(paths)
        lineage.begin(paths)
        lineage.track_raw(paths, cfg)
        write_params(paths, cfg)
        lock.close()
    else:
        print(yaml.safe_dump(cfg.model_dump(mode="json"), sort_keys=False), end="")


def _stage(name: str, item: str | None) -> None:
    from synthgain import config, stages, workspace
    from synthgain.errors import nearest
    from synthgain.paths import find_workspace

    paths = find_workspace()
    with workspace.stage(paths):
        cfg = config.read(paths.params)
        if item is not None and item not in cfg.generators:
            raise SynthgainError(f"stage {name}: no generator '{item}' in params.yaml{nearest(item, cfg.generators)}")
        stages.run(name, cfg, paths, item)


def _verdict() -> None:
    from synthgain import outcome
    from synthgain.evaluation.gain import table
    from synthgain.paths import find_workspace

    paths = find_workspace()
    _warn_if_outdated(paths)
    print(table(outcome.gains(paths)), outcome.verdict(paths), sep="\n\n")


def _gate(reason: str, strict: bool, as_json: bool) -> None:
    import json

    from synthgain import config, gate, last_run, outcome
    from synthgain.paths import find_workspace

    paths = find_workspace()
    cfg = config.read(paths.params)
    also = [gate.current(outcome.outdated(paths, cfg)), gate.commit(last_run.noted_commit(paths))]
    decision = gate.decide(gate.read(cfg, paths), reason, strict=strict, also=also)
    print(json.dumps(decision, indent=1, ensure_ascii=False) if as_json else gate.text(decision))
    sys.exit(0 if decision["open"] else 1)


def _report() -> None:
    import webbrowser

    from synthgain import outcome
    from synthgain.paths import find_workspace

    paths = find_workspace()
    _warn_if_outdated(paths)
    page = outcome.report(paths)
    print(page)
    webbrowser.open(page.as_uri())


def _warn_if_outdated(paths: "Paths") -> None:
    from synthgain import config, outcome

    if fault := outcome.outdated(paths, config.read(paths.params)):
        print(f"synthgain: of an earlier run: {fault}; 'synthgain run' brings all up to date", file=sys.stderr)


def _results(study: str, folder: str) -> None:
    from synthgain import config, last_run, outcome
    from synthgain.paths import find_workspace
    from synthgain.report import material, results_page

    paths = find_workspace()
    cfg = config.read(paths.params)
    if fault := outcome.outdated(paths, cfg):
        raise SynthgainError(f"no page is written: {fault}; run 'synthgain run' first")
    gathered = material.gather(cfg, paths)
    written = results_page.results_json(gathered, study, last_run.read(paths))
    results_page.write(written, paths.root / folder)
    print(paths.root / folder / f"{study}.md")


def _power(given: argparse.Namespace) -> None:
    from synthgain.evaluation import power

    if given.discordant is None:
        from synthgain import outcome
        from synthgain.paths import find_workspace

        pilot = power.from_gains(outcome.gains(find_workspace()))
    else:
        pilot = power.from_numbers(
            given.discordant, given.images_per_patient, given.icc, given.seed_sd / 100, given.classes
        )
    print(power.table(
        pilot, given.gain / 100, given.level, given.patients or power.PATIENTS, given.seeds or power.SEEDS
    ))  # fmt: skip


def _calibrate(studies: int, seed: int, workers: int, folder: str) -> None:
    from synthgain import last_run
    from synthgain.calibration import page, run
    from synthgain.paths import find_workspace

    paths = find_workspace()
    facts: dict[str, Any] = {"command": " ".join(["synthgain", *sys.argv[1:]]), "commit": last_run.commit(paths)}
    started = time.monotonic()
    found = run.run(studies, seed, workers)
    facts |= {"hardware": last_run.hardware(), "wall_seconds": round(time.monotonic() - started)}
    page.write(found | {"study": "calibration", "run": facts}, paths.root / folder)
    print(paths.root / folder / "calibration.md")


def _ui(host: str, port: int) -> None:
    from synthgain import config, tracking
    from synthgain.paths import find_workspace

    if host not in ("127.0.0.1", "localhost", "::1"):
        print(
            f"synthgain: MLflow has no password: everyone who reaches {host}:{port} can read these runs",
            file=sys.stderr,
        )
    paths = find_workspace()
    print(f"MLflow: http://{host}:{port}", flush=True)
    command = tracking.ui(paths, config.read(paths.params), host, port)
    os.execvpe(command[0], command, {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"})


if __name__ == "__main__":
    main()

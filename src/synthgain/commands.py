"""What each command does. Nothing heavy is imported before a command needs it."""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgain.errors import SynthgainError

if TYPE_CHECKING:
    from synthgain.paths import Paths


def run(given: argparse.Namespace) -> None:
    """From images to the measured gain, or with ``--dry-run`` what would be done."""
    from synthgain.compose import compose, write_params
    from synthgain.paths import find_workspace
    from synthgain.plan import describe

    paths = find_workspace()
    cfg = compose(paths, given.overrides)
    if given.dry_run:
        print(describe(cfg))
        return
    from synthgain import lineage, outcome, workspace
    from synthgain.fidelity import extractors

    extractors.check(cfg.fidelity.extractors, paths.root)
    _reach_this_machine_directly()
    lock = workspace.claim(paths)
    print(describe(cfg), flush=True)
    lineage.begin(paths)
    write_params(paths, cfg)
    known = lineage.raw_is_tracked(paths, cfg)
    if known:
        lineage.track_raw(paths, cfg)  # DVC's status says nothing of a changed original outside the workspace
    if known and paths.out("report").is_dir() and not lineage.changed(paths):
        from synthgain import tracking

        print("nothing has changed: no stage runs")
        with tracking.Run.begin(paths, cfg) as run:
            run.log_unchanged()
        print(outcome.summary(paths, cfg, run.page))
        return
    print("starting    Prefect and the libraries: some seconds", flush=True)
    os.chdir(paths.root)
    sys.exit(workspace.conduct([sys.executable, str(paths.root / "flows" / "main.py")], lock))


def _reach_this_machine_directly() -> None:
    """Exempt it from a proxy that is set: Prefect's server, and MLflow's where there is one, may run here."""
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if exempt != "*" and any(name.lower().endswith("_proxy") for name in os.environ):
        os.environ["no_proxy"] = ",".join(filter(None, [exempt, "127.0.0.1", "::1", "localhost"]))


def compose(given: argparse.Namespace) -> None:
    """Show the resolved configuration, or write it to ``params.yaml`` and take a version of the raw data."""
    import yaml

    from synthgain import compose as composing
    from synthgain.paths import find_workspace

    paths = find_workspace()
    cfg = composing.compose(paths, given.overrides)
    if given.write:
        from synthgain import lineage, workspace

        lock = workspace.claim(paths)
        lineage.begin(paths)
        lineage.track_raw(paths, cfg)
        composing.write_params(paths, cfg)
        lock.close()
    else:
        print(yaml.safe_dump(cfg.model_dump(mode="json"), sort_keys=False), end="")


def stage(given: argparse.Namespace) -> None:
    """Run one stage on ``params.yaml``: what DVC calls."""
    from synthgain import forked

    status = forked.ask("synthgain", ["stage", given.name, *([] if given.item is None else [given.item])])
    if status is not None:
        sys.exit(status)
    from synthgain import compute, config, stages, workspace
    from synthgain.errors import nearest
    from synthgain.paths import find_workspace

    paths = find_workspace()
    with workspace.stage(paths):
        cfg, item = config.read(paths.params), given.item
        compute.limit_threads(cfg.compute.threads)
        if item is not None and item not in cfg.generators:
            known = nearest(item, cfg.generators)
            raise SynthgainError(f"stage {given.name}: no generator '{item}' in params.yaml{known}")
        stages.run(given.name, cfg, paths, item)


def verdict(given: argparse.Namespace) -> None:
    """Print the gain table and the verdict."""
    from synthgain import outcome
    from synthgain.evaluation.gain import table
    from synthgain.paths import find_workspace

    paths = find_workspace()
    _warn_if_outdated(paths)
    warning = outcome.untrusted(paths)
    print(table(outcome.gains(paths)), *([warning] if warning else []), outcome.verdict(paths), sep="\n\n")


def gate(given: argparse.Namespace) -> None:
    """Print the release gate's decision; exit status 0: open, 1: shut."""
    import json

    from synthgain import config, last_run, outcome
    from synthgain import gate as gating
    from synthgain.paths import find_workspace

    paths = find_workspace()
    cfg = config.read(paths.params)
    also = [gating.current(outcome.outdated(paths, cfg)), gating.commit(last_run.noted_commit(paths))]
    decision = gating.decide(gating.read(cfg, paths), given.reason, strict=given.strict, also=also)
    print(json.dumps(decision, indent=1, ensure_ascii=False) if given.json else gating.text(decision))
    sys.exit(0 if decision["open"] else 1)


def report(given: argparse.Namespace) -> None:
    """Open the report in a browser."""
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


def results(given: argparse.Namespace) -> None:
    """Write the result page of the last run."""
    from synthgain import config, last_run, outcome
    from synthgain.arms import ledger
    from synthgain.paths import find_workspace
    from synthgain.report import material, results_page
    from synthgain.schema import NAME

    if not re.fullmatch(NAME, given.study):
        raise SynthgainError(f"results: the study {given.study!r} names files: letters, digits, '_' and '-' only")
    paths = find_workspace()
    cfg = config.read(paths.params)
    folder = paths.pages(given.to, cfg.dataset.raw, cfg.dataset.path)
    if fault := outcome.outdated(paths, cfg):
        raise SynthgainError(f"no page is written: {fault}; run 'synthgain run' first")
    gathered = material.gather(cfg, paths)
    known = last_run.read(paths) | {"test_uses": outcome.test_uses(paths, cfg, ledger.CONFIRMATION)}
    written = results_page.results_json(gathered, given.study, known)
    results_page.write(written, folder)
    print(folder / f"{given.study}.md")


def value(given: argparse.Namespace) -> None:
    """Print what the candidate's synthetic images save in money, from the lower limit of their worth."""
    from synthgain import config, last_run, outcome
    from synthgain.evaluation import value as worth
    from synthgain.paths import find_workspace

    paths = find_workspace()
    if fault := outcome.outdated(paths, config.read(paths.params)):
        raise SynthgainError(f"{fault}; run 'synthgain run' first")
    hours = given.compute_hours
    if hours is None:
        hours = last_run.read(paths)["wall_seconds"] / 3600
    prices = worth.Prices(given.image, given.compute_hour, hours, given.labour_hour, given.labour_hours)
    print(worth.text(outcome.gains(paths), prices, given.currency))


def power(given: argparse.Namespace) -> None:
    """Print how many test patients and seeds a gain needs."""
    from synthgain.evaluation import power as planning

    if given.discordant is None:
        from synthgain import outcome
        from synthgain.paths import find_workspace

        pilot = planning.from_gains(outcome.gains(find_workspace()))
    else:
        pilot = planning.from_numbers(
            given.discordant, given.images_per_patient, given.icc, given.seed_sd / 100, given.classes
        )
    print(planning.table(
        pilot, given.gain / 100, given.level, given.patients or planning.PATIENTS, given.seeds or planning.SEEDS
    ))  # fmt: skip


def calibrate(given: argparse.Namespace) -> None:
    """Judge studies of known truth, simulated or trained, and write the page of what the rule says of them."""
    from synthgain import compute, last_run
    from synthgain.artifact import canonical, replace_bytes
    from synthgain.calibration import page
    from synthgain.calibration import run as calibration
    from synthgain.paths import find_workspace
    from synthgain.report import belief

    paths = find_workspace()
    folder = paths.pages(given.to)
    started = time.monotonic()
    compute.limit_threads(1)
    if given.trained:
        found = _trained(paths, folder / "calibration.json", given)
    else:
        facts: dict[str, Any] = {"command": " ".join(["synthgain", *sys.argv[1:]]), "commit": last_run.commit(paths)}
        found = calibration.run(given.studies, given.seed, given.workers) | {"study": "calibration"}
        facts |= {"hardware": last_run.hardware(), "wall_seconds": round(time.monotonic() - started)}
        found["run"] = facts
    page.write(found, folder)
    in_report = paths.root / belief.CALIBRATED
    if folder.resolve() == (paths.root / "docs" / "results").resolve() and in_report.is_file():
        replace_bytes(in_report, canonical(belief.calibrated(found)))
    print(folder / "calibration.md")


def _trained(paths: "Paths", simulated: Path, given: argparse.Namespace) -> dict[str, Any]:
    import json
    import tempfile

    from synthgain import known_answers, last_run
    from synthgain.calibration import pool
    from synthgain.calibration.run import check

    check(given.studies, given.workers)
    if not simulated.is_file():
        raise SynthgainError(f"{simulated}: not found; run 'synthgain calibrate' without --trained first")
    found: dict[str, Any] = json.loads(simulated.read_text())
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cfg, there = known_answers.study(paths.root, Path(folder), f"compute.workers={given.workers}")
        rows = known_answers.rows(cfg, there)
        drawn = pool.run(known_answers.pool(cfg, there), given.studies, given.seed, given.workers)
    minutes = (time.monotonic() - started) / 60
    said = (
        f"The embedded phantom with controls in place of generators, each against `{known_answers.BASELINE}`: "
        f"{cfg.seeds} seeds, {cfg.classifier.kind}, commit `{last_run.commit(paths)}`, {last_run.hardware()}; "
        f"{minutes:.1f} minutes with what follows."
    )
    return found | {"trained": {"about": said, "rows": rows}, "pool": drawn}


def ui(given: argparse.Namespace) -> None:
    """Serve MLflow on this workspace's store, in place of this process."""
    from synthgain import config, tracking
    from synthgain.paths import find_workspace

    host, port = given.host, given.port
    if host not in ("127.0.0.1", "localhost", "::1") and not given.anyone:
        raise SynthgainError(
            f"--host {host}: MLflow has no password, everyone who reaches {host}:{port} could read and change these "
            "runs; add --anyone if that is wanted"
        )
    paths = find_workspace()
    print(f"MLflow: http://{host}:{port}/#/experiments{tracking.TRAINING}", flush=True)
    command = tracking.ui(paths, config.read(paths.params), host, port)
    # Nothing here gives MLflow jobs to do, for which it would start five more processes.
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    os.execvpe(command[0], command, {**os.environ, **settings})

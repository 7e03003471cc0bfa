"""Everything that the report shows, read and verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgain import artifact, dataset, gate
from synthgain.arms.arm import CONTROLS
from synthgain.cell import Cell
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

SHOWN = (
    "seed", "seeds", "generator_seeds", "dataset", "generators", "synthesis", "classifier", "arms", "screening",
    "claim", "evaluation", "curve", "fidelity", "fairness", "privacy", "explain",
)  # fmt: skip
"""The parts of the configuration that decide the result; where it runs and where it is logged do not."""
PACKAGES = (
    "synthgain", "numpy", "pandas", "scipy", "scikit-learn", "torch", "pytorch-lightning", "monai", "captum",
    "matplotlib",
)  # fmt: skip
FLAGS = ("flagged_images", "flagged_weights")
"""What the privacy audit may flag: the images, the generator's weights."""
_SINGLE = ("ingest", "validate", "screen", "confirm", "explain")


@dataclass(frozen=True)
class Material:
    config: Mapping[str, Any]
    gains: Mapping[str, Any]
    plan: Mapping[str, Any]
    scores: pd.DataFrame
    confirm_history: pd.DataFrame
    generator_history: Mapping[str, pd.DataFrame]
    real: ImageSet
    synthetic: Mapping[str, ImageSet]
    selection: Mapping[str, Mapping[str, Any]]
    fidelity: Mapping[str, Mapping[str, Any]]
    privacy: Mapping[str, Mapping[str, Any]]
    neighbours: Mapping[str, Mapping[str, np.ndarray]]
    facts: Mapping[str, Any]
    quarantine: pd.DataFrame
    validation: Mapping[str, Any]
    cell: Cell
    """The cell that all but the gains are from."""
    artifacts: Mapping[str, str]
    """Stage output to the SHA-256 of its manifest."""
    versions: Mapping[str, str]
    subgroups: Mapping[str, Any]
    gate: Mapping[str, Mapping[str, Any]]
    """The release gate's decision by the reason to have synthetic images."""
    manifests: Mapping[str, Mapping[str, Any]]
    """Stage (and generator, after a slash) to the manifest of the output that is shown."""
    models: Mapping[str, Any]
    """How the classifiers are built, and of each arm the seed that did best on validation."""

    explained: Mapping[str, Any]
    """Where the classifiers of the headline look, and whether that can be relied on."""
    maps: Mapping[str, np.ndarray]
    """The test images that are shown with their maps."""
    latent: Mapping[str, np.ndarray]
    """Strips of what the generators' inputs do."""

    def artifacts_of(self, stage: str, item: str | None = None) -> str:
        """The SHA-256 of the output that is shown."""
        return self.artifacts["/".join([stage, *([item] if item else []), *self.cell.folders])]

    @property
    def level(self) -> float:
        """Confidence level of every interval."""
        return float(self.config["claim"]["level"])


def gather(cfg: Config, paths: Paths) -> Material:
    """Read every stage output that the report shows.

    All but the gains is from one cell: of those with the labels that the claim is about, the one in which most trained
    generators gave patients away, the first of these. Each generator's privacy record names every cell in which it
    did, as ``flagged_in``: for each of `FLAGS` a list.

    Raises
    ------
    ArtifactError
        One of them is missing or altered.
    """
    flagged = {cell: _flagged(cfg, paths.at(cell)) for cell in cfg.cells}
    cell = max(cfg.claimed, key=lambda each: [len(flagged[each][flag] - set(CONTROLS)) for flag in FLAGS])
    at = paths.at(cell)
    single = {name: artifact.read(at.out(name)) for name in _SINGLE} | {
        "evaluate": artifact.read(paths.out("evaluate"))
    }
    several = {
        stage: {name: artifact.read(at.out(stage, name)) for name in names}
        for stage, names in cfg.per_generator.items()
    }
    records = gate.read(cfg, paths)
    return Material(
        config=shown_config(cfg),
        gains=single["evaluate"].json("gains.json"),
        plan=single["screen"].json("plan.json"),
        scores=_table(single["screen"].file("scores.csv")),
        confirm_history=_table(single["confirm"].file("history.csv")),
        generator_history=_histories(several["train_generator"]),
        real=dataset.read(at.out("ingest")),
        synthetic={name: dataset.read(at.out("synthesize", name)) for name in cfg.generators},
        selection={name: found.json("selection.json") for name, found in several["synthesize"].items()},
        fidelity={name: found.json("fidelity.json") for name, found in several["audit"].items()},
        privacy={
            name: found.json("privacy.json") | ({"flagged_in": _cells_of(name, flagged)} if len(cfg.cells) > 1 else {})
            for name, found in several["audit"].items()
        },
        neighbours={name: _arrays(found.file("neighbours.npz")) for name, found in several["audit"].items()},
        facts=single["ingest"].json("facts.json"),
        quarantine=_table(single["ingest"].file("quarantine.csv"), text=True),
        validation=single["validate"].json("report.json"),
        cell=cell,
        artifacts=hashes(cfg, paths),
        versions=_versions(),
        subgroups=single["evaluate"].json("subgroups.json"),
        gate={reason: gate.decide(records, reason) for reason in gate.REASONS},
        models=single["confirm"].json("models/config.json"),
        explained=single["explain"].json("explain.json"),
        maps=_arrays(single["explain"].file("maps.npz")),
        latent=_arrays(single["explain"].file("latent.npz")),
        manifests={name: found.manifest for name, found in single.items()}
        | {f"{stage}/{name}": found.manifest for stage, each in several.items() for name, found in each.items()},
    )


def _flagged(cfg: Config, at: Paths) -> dict[str, set[str]]:
    """The generators that the audit flags, by each of `FLAGS`."""
    audits = {name: artifact.read(at.out("audit", name)).json("privacy.json") for name in cfg.generators}
    return {flag: {name for name, found in audits.items() if found[flag]} for flag in FLAGS}


def _cells_of(name: str, flagged: Mapping[Cell, Mapping[str, set[str]]]) -> dict[str, list[str]]:
    return {flag: [str(cell) for cell, found in flagged.items() if name in found[flag]] for flag in FLAGS}


def hashes(cfg: Config, paths: Paths) -> dict[str, str]:
    """Every output that the report rests on, in all cells."""
    each: list[tuple[str, str | None]] = [(stage, None) for stage in _SINGLE]
    each += [(stage, name) for stage, names in cfg.per_generator.items() for name in names]
    places = [paths.at(cell).out(stage, item) for stage, item in each for cell in cfg.cells]
    places.append(paths.out("evaluate"))
    return {place.relative_to(paths.data).as_posix(): artifact.read(place).sha256 for place in sorted(places)}


def shown_config(cfg: Config) -> dict[str, Any]:
    """The configuration as plain values, without where on this machine the user keeps images and extractors."""
    values = cfg.model_dump(mode="json", include=set(SHOWN)) | {"fidelity": cfg.fidelity.shown()}
    values["dataset"].pop("path")
    return {name: values[name] for name in SHOWN}


def _table(path: Path, text: bool = False) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False) if text else pd.read_csv(path)


def _histories(trained: Mapping[str, artifact.Artifact]) -> dict[str, pd.DataFrame]:
    recorded = {name: found for name, found in trained.items() if "history.csv" in found.manifest["files"]}
    tables = {name: _table(found.file("history.csv")) for name, found in recorded.items()}
    return {name: table for name, table in tables.items() if len(table)}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}

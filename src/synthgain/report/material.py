"""Everything that the report shows, read and verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgain import artifact, dataset
from synthgain.arms.arm import CONTROLS
from synthgain.config import Config
from synthgain.dataset import ImageSet
from synthgain.paths import Paths

SHOWN = (
    "seed", "seeds", "dataset", "generators", "synthesis", "classifier", "arms", "screening", "claim", "evaluation",
)  # fmt: skip
"""The parts of the configuration that decide the result; where it runs and where it is logged do not."""
PACKAGES = (
    "synthgain", "numpy", "pandas", "scipy", "scikit-learn", "torch", "pytorch-lightning", "monai", "matplotlib",
)  # fmt: skip
FLAGS = ("flagged_images", "flagged_weights")
"""What the privacy audit may flag: the images, the generator's weights."""
_SINGLE = ("ingest", "validate", "screen", "confirm")
_PER_GENERATOR = ("train_generator", "synthesize", "audit")


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
    fold: int | None
    """Of a cross-validation, the fold that all but the gains are from."""
    artifacts: Mapping[str, str]
    """Stage output to the SHA-256 of its manifest."""
    versions: Mapping[str, str]

    @property
    def level(self) -> float:
        """Confidence level of every interval."""
        return float(self.config["claim"]["level"])


def gather(cfg: Config, paths: Paths) -> Material:
    """Read every stage output that the report shows.

    Of a cross-validation, all but the gains is from the fold in which most trained generators gave patients away, the
    first of these; each generator's privacy record names every fold in which it did, as ``flagged_folds``: for each of
    `FLAGS` a list.

    Raises
    ------
    ArtifactError
        One of them is missing or altered.
    """
    flagged = {fold: _flagged(cfg, paths.at(fold)) for fold in cfg.folds}
    fold = max(cfg.folds, key=lambda each: [len(flagged[each][flag] - set(CONTROLS)) for flag in FLAGS])
    at = paths.at(fold)
    single = {name: artifact.read(at.out(name)) for name in _SINGLE} | {
        "evaluate": artifact.read(paths.out("evaluate"))
    }
    several = {stage: {name: artifact.read(at.out(stage, name)) for name in cfg.generators} for stage in _PER_GENERATOR}
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
            name: found.json("privacy.json") | ({} if fold is None else {"flagged_folds": _folds_of(name, flagged)})
            for name, found in several["audit"].items()
        },
        neighbours={name: _arrays(found.file("neighbours.npz")) for name, found in several["audit"].items()},
        facts=single["ingest"].json("facts.json"),
        quarantine=_table(single["ingest"].file("quarantine.csv"), text=True),
        validation=single["validate"].json("report.json"),
        fold=fold,
        artifacts=hashes(cfg, paths),
        versions=_versions(),
    )


def _flagged(cfg: Config, at: Paths) -> dict[str, set[str]]:
    """The generators that the audit flags, by each of `FLAGS`."""
    audits = {name: artifact.read(at.out("audit", name)).json("privacy.json") for name in cfg.generators}
    return {flag: {name for name, found in audits.items() if found[flag]} for flag in FLAGS}


def _folds_of(name: str, flagged: Mapping[int | None, Mapping[str, set[str]]]) -> dict[str, list[int | None]]:
    return {flag: [fold for fold, found in flagged.items() if name in found[flag]] for flag in FLAGS}


def hashes(cfg: Config, paths: Paths) -> dict[str, str]:
    """Every output that the report rests on, in all folds."""
    each = [(stage, None) for stage in _SINGLE] + [(stage, name) for stage in _PER_GENERATOR for name in cfg.generators]
    places = [paths.at(fold).out(stage, item) for stage, item in each for fold in cfg.folds]
    places.append(paths.out("evaluate"))
    return {place.relative_to(paths.data).as_posix(): artifact.read(place).sha256 for place in sorted(places)}


def shown_config(cfg: Config) -> dict[str, Any]:
    """The configuration as plain values, without the place on this machine where the user keeps the images."""
    values = cfg.model_dump(mode="json", include=set(SHOWN))
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

"""Where everything lies, seen from the workspace root. Nothing else spells a path of a stage output."""

from dataclasses import dataclass, replace
from pathlib import Path

from synthgain.cell import ONLY, Cell
from synthgain.errors import SynthgainError

GPU = Path("/dev/nvidia0")
"""Exists where the machine has an NVIDIA GPU."""
STAGES = (
    "ingest", "validate", "encode", "train_generator", "synthesize", "audit", "screen", "confirm",
    "learning_curve", "explain", "evaluate", "report",
)  # fmt: skip
"""In the order in which they depend on each other."""
POOLING = ("evaluate", "report")
"""Stages that look at all cells of a study together; every other one has an output in each of them."""


@dataclass(frozen=True)
class Paths:
    root: Path
    cell: Cell = ONLY
    """The cell whose outputs these are."""

    def at(self, cell: Cell) -> "Paths":
        """The same workspace, seen from a cell."""
        return replace(self, cell=cell)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def raw(self) -> Path:
        return self.data / "raw"

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def state(self) -> Path:
        """Locks and unfinished work: never an output, safe to delete when nothing runs."""
        return self.root / ".synthgain"

    def out(self, stage: str, item: str | None = None) -> Path:
        """The output directory of a stage, of its ``item`` (a generator's name) where the stage has one per item."""
        place = self.data / stage / item if item else self.data / stage
        return place.joinpath(*self.cell.folders)

    def work(self, stage: str, key: str) -> Path:
        """Where a stage keeps unfinished work that belongs to the content ``key``; created if missing."""
        path = self.state / "work" / stage / key[:24]
        path.mkdir(parents=True, exist_ok=True)
        return path

    def pages(self, to: str, *raw: str | None) -> Path:
        """The folder ``to``, relative to the workspace or anywhere, for pages that a person asks for.

        Raises
        ------
        SynthgainError
            It lies in ``data/``, where only stages write, or in the ``raw`` data.
        """
        folder = (self.root / to).resolve()
        for kept in (self.data, *(self.root / each for each in raw if each)):
            if folder.is_relative_to(kept.resolve()):
                raise SynthgainError(
                    f"--to {to}: lies in {kept}, where nothing but data belongs; choose another folder"
                )
        return folder


def find_workspace(start: Path | None = None) -> Paths:
    """The nearest directory at or above ``start`` (default: here) with ``dvc.yaml`` and ``conf/``."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "conf").is_dir():
            return Paths(folder)
    raise SynthgainError(f"{here}: not inside a synthgain workspace (no dvc.yaml with conf/ beside it here or above)")

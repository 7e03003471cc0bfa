"""Where in a study something belongs: to which share of the labels, and to which test fold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One nested study. Everything in it learns from its own labelled patients only."""

    labels: float | None = None
    """Share of the labelled patients that exist for it; None: the study has no such levels."""
    fold: int | None = None
    """Test fold of a cross-validation, from 0; None: a single split."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of its outputs below those of the stage; none for the only cell of a study."""
        labels = () if self.labels is None else (f"labels-{100 * self.labels:g}",)
        return labels if self.fold is None else (*labels, f"fold-{self.fold}")

    def __str__(self) -> str:
        labels = [] if self.labels is None else [f"{100 * self.labels:g} % of the labels"]
        return ", ".join(labels if self.fold is None else [*labels, f"fold {self.fold + 1}"])


ONLY = Cell()
"""The only cell of a study without levels and folds."""

"""The typed configuration: every key with its meaning, in one file for each part of an experiment."""

from synthgain.schema.audits import Explain, Extractor, Fairness, Fidelity, Privacy
from synthgain.schema.data import Budget, Dataset, Image, SourceConfig, Split
from synthgain.schema.machine import Compute, Tracking
from synthgain.schema.strict import NAME, SECRET, Name, Positive, Share, Strict
from synthgain.schema.study import QUICK_LOOK, Arms, Claim, Curve, Evaluation, Screening, Span, Tuning
from synthgain.schema.training import (
    DP,
    Augmentation,
    ClassifierConfig,
    ClassifierTraining,
    GeneratorConfig,
    GeneratorTraining,
    Synthesis,
)

__all__ = [
    "DP", "NAME", "QUICK_LOOK", "SECRET", "Arms", "Augmentation", "Budget", "Claim", "ClassifierConfig",
    "ClassifierTraining", "Compute", "Curve", "Dataset", "Evaluation", "Explain", "Extractor", "Fairness",
    "Fidelity", "GeneratorConfig", "GeneratorTraining", "Image", "Name", "Positive", "Privacy", "Screening",
    "Share", "SourceConfig", "Span", "Split", "Strict", "Synthesis", "Tracking", "Tuning",
]  # fmt: skip

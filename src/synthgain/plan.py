"""What a run would do, in words, before anything is done."""

from synthgain.config import Config, component
from synthgain.schema import GeneratorConfig

_SECONDS_PER_STAGE = 6.0
"""Starting a stage: DVC, Python, libraries."""
_MEASURED_SIZE = 32
_TRAIN = 500
"""Training images where no budget says how many; the data are not read."""


def describe(cfg: Config) -> str:
    """The stages, arms and number of trainings of an experiment; nothing is read but the configuration."""
    from synthgain.arms.arm import SHUFFLED, candidates, parse

    screened = candidates(cfg)
    trained = {name: g.training for name, g in cfg.generators.items() if g.weights == name and g.training is not None}
    also = sorted(name for name, g in cfg.generators.items() if g.weights != name)
    lines = [
        f"data        {cfg.dataset.name}: {cfg.dataset.path or 'drawn by code'}, {cfg.dataset.image.size} px"
        + (f", {cfg.dataset.budget.train} + {cfg.dataset.budget.val} labelled images" if cfg.dataset.budget else ""),
        *([f"cells       {'; '.join(map(str, cfg.cells))}: all below once in each"] if len(cfg.cells) > 1 else []),
        *(f"generator   {name}: {t.steps} steps of {t.batch_size} images" for name, t in trained.items()),
        *([f"also drawn  {', '.join(also)}: from the same weights, sampled in another way"] if also else []),
        f"controls    {', '.join(sorted(set(cfg.weights) - set(trained))) or 'none'}",
        f"classifier  {cfg.classifier.kind}: {cfg.classifier.training.steps} steps of "
        f"{cfg.classifier.training.batch_size} images per training",
        f"screening   {len(screened)} arms x {cfg.screening.tuning.trials} settings x {cfg.screening.seeds} seeds on "
        "validation: " + ", ".join(arm.name for arm in screened),
        f"confirm     at most {cfg.arms.most} arms x {cfg.seeds} fresh seeds on test, among them "
        + ", ".join(name for name in cfg.arms.always if name == SHUFFLED or parse(name).available(cfg)),
        f"claim       {cfg.claim.metric}, margin {cfg.claim.margin:g}, level {cfg.claim.level:g}",
        f"cost        about {_duration(seconds(cfg, len(screened)))} with {cfg.compute.workers} workers on CPUs such "
        "as AMD EPYC, if nothing is finished yet; a rough estimate, less with a GPU",
    ]
    return "\n".join(lines)


def seconds(cfg: Config, screened: int) -> float:
    """Estimated wall time on CPUs of an experiment that screens so many arms, from the measured speed of its parts."""
    area = (cfg.dataset.image.size / _MEASURED_SIZE) ** 2
    generators = sum(training_seconds(g) for name, g in cfg.generators.items() if g.weights == name)
    train = cfg.dataset.budget.train if cfg.dataset.budget else _TRAIN
    drawn = max(cfg.arms.ratios) * cfg.synthesis.oversample * train
    generators += sum(
        drawn * component("generators", g.kind).SECONDS_PER_DRAWN for g in cfg.generators.values() if g.training
    )
    trials = screened * cfg.screening.tuning.trials * cfg.screening.seeds + cfg.arms.most * cfg.seeds
    trials += len(cfg.curve.shares) * cfg.curve.seeds
    images = cfg.classifier.training.steps * cfg.classifier.training.batch_size
    classifiers = trials * images * component("classifiers", cfg.classifier.kind).SECONDS_PER_IMAGE
    stages = _SECONDS_PER_STAGE * (8 + 3 * len(cfg.generators))
    return len(cfg.cells) * (area * (generators + classifiers) / cfg.compute.workers + stages)


def training_seconds(generator: GeneratorConfig) -> float:
    """Estimated seconds on one CPU thread of its training on images of 32 pixels; 0 for a control."""
    if generator.training is None:
        return 0.0
    images = generator.training.steps * generator.training.batch_size
    return float(component("generators", generator.kind).SECONDS_PER_IMAGE * images)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"

"""What a run would do, in words, before anything is done."""

from synthgain.config import Config


def describe(cfg: Config) -> str:
    """The stages, arms and number of trainings of an experiment; nothing is read but the configuration."""
    from synthgain.arms.arm import candidates

    screened = candidates(cfg)
    trained = {name: g.training for name, g in cfg.generators.items() if g.training is not None}
    lines = [
        f"data        {cfg.dataset.name}: {cfg.dataset.path or 'drawn by code'}, {cfg.dataset.image.size} px"
        + (f", {cfg.dataset.budget.train} + {cfg.dataset.budget.val} labelled images" if cfg.dataset.budget else ""),
        *([f"cells       {'; '.join(map(str, cfg.cells))}: all below once in each"] if len(cfg.cells) > 1 else []),
        *(f"generator   {name}: {t.steps} steps of {t.batch_size} images" for name, t in trained.items()),
        f"controls    {', '.join(sorted(set(cfg.generators) - set(trained))) or 'none'}",
        f"classifier  {cfg.classifier.kind}: {cfg.classifier.training.steps} steps of "
        f"{cfg.classifier.training.batch_size} images per training",
        f"screening   {len(screened)} arms x {cfg.screening.seeds} seeds on validation: "
        + ", ".join(arm.name for arm in screened),
        f"confirm     at most {cfg.arms.most} arms x {cfg.seeds} fresh seeds on test, among them "
        + ", ".join(cfg.arms.always),
        f"claim       {cfg.claim.metric}, margin {cfg.claim.margin:g}, level {cfg.claim.level:g}",
    ]
    return "\n".join(lines)

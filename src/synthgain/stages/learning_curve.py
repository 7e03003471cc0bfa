"""How the strongest arm without synthetic images learns from fewer and from more labelled patients."""

import pandas as pd

from synthgain import artifact, dataset
from synthgain.arms import trial
from synthgain.arms.arm import parse
from synthgain.arms.labelled import counted, with_labels
from synthgain.arms.ledger import CURVE, record_test_use
from synthgain.arms.tuning import Setting
from synthgain.config import Config
from synthgain.paths import Paths
from synthgain.seeding import derive

_NO_PREDICTIONS = ("arm", "seed", "generator_seed", "fraction", "split", "image_id", "group", "label")


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """``data/learning_curve``: ``predictions.parquet`` (``fraction``: of the labelled images) and ``points.json``.

    No arm is compared by these predictions of the test split, and none is chosen: the ledger counts them apart.
    """
    screened = artifact.read(paths.out("screen"))
    images = dataset.read(paths.out("ingest"))
    plan = screened.json("plan.json")
    declared = plan["learning_curve"]
    arm, setting = parse(declared["arm"]).at(plan["ratio"]), Setting(**declared["setting"])
    points = _points(images, cfg)
    seeds = [derive(cfg.seed, "confirm", index) for index in range(cfg.curve.seeds)]
    trials = [
        trial.Trial(arm, index, seed, ("val", "test"), setting, point["share"])
        for point in points for index, seed in enumerate(seeds)
    ]  # fmt: skip
    bench = trial.bench(paths, cfg, [arm])
    if trials:
        use = artifact.digest([bench.key(each) for each in trials])
        uses = record_test_use(paths, images, use, CURVE)
        print(f"test split predicted {uses} time{'s' * (uses > 1)} for a learning curve with this data", flush=True)
    results = trial.run_all(bench, trials, CURVE) if trials else []
    with artifact.writing(
        paths.out("learning_curve"), stage="learning_curve", config={"curve": cfg.curve.model_dump(mode="json")},
        inputs=bench.inputs | {"screen": screened.sha256}, seeds={"confirm": seeds},
    ) as draft:  # fmt: skip
        predictions = pd.DataFrame(columns=_NO_PREDICTIONS)
        if trials:
            predictions = trial.collect(trials, results, trial.PREDICTIONS)
            shares = [each.labels for each in trials]
            predictions.insert(2, "generator_seed", None)
            predictions.insert(3, "fraction", pd.Series(shares).repeat(len(predictions) // len(trials)).to_numpy())
        predictions.to_parquet(draft.path / "predictions.parquet", index=False)
        facts = {"arm": arm.name, "points": points, "labelled": counted(images)}
        (draft.path / "points.json").write_bytes(artifact.canonical(facts))
        draft.counts.update(points=len(points), trials=len(trials))


def _points(images: dataset.ImageSet, cfg: Config) -> list[dict[str, float]]:
    """The shares that differ in what they hold, smallest first, with their training images and groups.

    Of those beyond what there is only the first counts, which holds it all.
    """
    found: dict[int, dict[str, float]] = {}
    for share in sorted(cfg.curve.shares) if cfg.curve.seeds else ():
        held = counted(with_labels(images, share, cfg.seed))
        found.setdefault(held["images"], {"share": share, **held})
    return [found[count] for count in sorted(found)]

"""The page of the self-calibration: Markdown and a figure, made from ``calibration.json`` and from nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgain import artifact
from synthgain.evaluation.verdict import GAIN, points
from synthgain.report import drawing
from synthgain.report.drawing import styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {
    "false_gain_rate": "The word gain without a true gain",
    "coverage": "Intervals that hold the true difference",
    "power_at_mdg": "The word gain at the minimum detectable gain",
    "no_difference_at_margin": "'No difference' where the true gain equals the margin",
}
_HEAD = (
    "Scenario", "Gain without one", "Loss without one", "Coverage", "Coverage at a gain", "Bias, points",
    "Detectable, points", "Found there", "'No difference' at the margin",
)  # fmt: skip
_COLUMNS = (
    ("false_gain_rate", "false_gain_rate"), ("false_loss_rate", None), ("coverage", "coverage"),
    ("coverage_at_mdg", "coverage"), ("bias", None), ("minimum_detectable_gain", None),
    ("power_at_mdg", "power_at_mdg"), ("no_difference_at_margin", "no_difference_at_margin"),
)  # fmt: skip


def markdown(found: Mapping[str, Any]) -> str:
    """The page for what `run.run` found, with ``run`` (command, commit, hardware, wall_seconds) added."""
    settings, run = found["settings"], found["run"]
    bound = [each for each in found["scenarios"] if each["bound"]]
    shown = [each for each in found["scenarios"] if not each["bound"]]
    blocks = [
        "# Calibration of the verdict",
        f"{settings['studies']:,} simulated studies per scenario and true gain, each judged by the rule that judges "
        f"real ones: bootstrap over patients and seeds ({settings['replicates']:,} replicates, "
        f"{100 * settings['level']:g} % interval) and sign-flip test, both.",
        _targets(found["targets"], bound),
        "![Rates of each scenario with their intervals and the targets](calibration.svg)",
        "Blue: the rule must hold. Grey: one of its conditions is broken. Bars: 95 % intervals. Shaded: the target.",
        "## Where the rule must hold",
        _table(bound, found["targets"]),
        "In parentheses: 95 % interval of the share itself (Clopper and Pearson). **Bold**: outside of its target.",
        "## What its conditions exclude",
        "The same rule where a condition is broken; no target applies. A row that looks no worse says that breaking it "
        "did no harm at this level of noise.",
        _table(shown, None),
        "## The scenarios",
        "\n".join(f"- **{each['name']}**: {each['about']}" for each in found["scenarios"]),
        _reading(settings),
        _intervals(bound),
        _not_estimable(found["scenarios"]),
        *_trained(found.get("trained")),
        *_pool(found.get("pool"), settings, found["targets"]),
        "## Run",
        "\n".join([
            "```sh", str(run["command"]), "```", "",
            f"- commit `{run['commit']}`",
            f"- {run['hardware']}, {run['wall_seconds'] / 60:.1f} minutes",
            "- every number above comes from [calibration.json](calibration.json)",
        ]),
    ]  # fmt: skip
    return "\n\n".join(block for block in blocks if block) + "\n"


def write(found: Mapping[str, Any], folder: Path) -> None:
    """Write ``calibration.json``, ``calibration.md`` and ``calibration.svg`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calibration.json").write_bytes(artifact.canonical(found))
    (folder / "calibration.md").write_text(markdown(found))
    (folder / "calibration.svg").write_bytes(drawing.svg(figure(found)))


def _targets(targets: Mapping[str, Any], bound: list[Any]) -> str:
    lines = ["| Target | Asked for | Found, least to greatest | Scenarios that meet it | |", "|---|---|---:|---:|---|"]
    for name in (name for name in NAMES if name in targets):
        limits = targets[name]
        rates = [each[rate]["rate"] for each in bound for rate in (name, f"{name}_at_mdg") if rate in each]
        met = [each["met"][name] for each in bound]
        lines.append(
            f"| {NAMES[name]} | {_asked(limits)} | {_share(min(rates))} to {_share(max(rates))} | "
            f"{sum(met)} of {len(met)} | {'pass' if all(met) else '**fail**'} |"
        )
    return "\n".join(lines)


def _asked(limits: Mapping[str, float]) -> str:
    least, most = limits.get("at_least"), limits.get("at_most")
    if least is not None and most is not None:
        return f"{100 * least:g} to {100 * most:g} %"
    return f"at least {100 * least:g} %" if least is not None else f"at most {100 * (most or 0):g} %"


def _table(scenarios: list[Any], targets: Mapping[str, Any] | None) -> str:
    rows = [f"| {' | '.join(_HEAD)} |", f"|---{'|---:' * (len(_HEAD) - 1)}|"]
    for each in scenarios:
        cells = [
            _cell(each[name], targets.get(target, {}) if targets and target else {}, each["studies"])
            for name, target in _COLUMNS
        ]
        rows.append(f"| {' | '.join([each['name'], *cells])} |")
    return "\n".join(rows)


def _cell(value: Mapping[str, Any], limits: Mapping[str, float], studies: int) -> str:
    """A number with its interval; a share of fewer than all ``studies`` says of how many."""
    if "mean" in value:
        return f"{points(value['mean'])} ({points(value['low'])} to {points(value['high'])})"
    if "median" in value:
        return f"{100 * value['median']:.1f} ({100 * value['low']:.1f} to {100 * value['high']:.1f})"
    inside = limits.get("at_least", 0) <= value["rate"] <= limits.get("at_most", 1)
    share = _share(value["rate"]) if inside else f"**{_share(value['rate'])}**"
    of = "" if value["studies"] == studies else f" of {value['studies']:,}"
    return f"{share}{of} ({100 * value['low']:.1f} to {100 * value['high']:.1f})"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _reading(settings: Mapping[str, Any]) -> str:
    return (
        f"A baseline recognises {100 * settings['accuracy']:g} % of the images (macro AUROC: "
        f"{100 * settings['auroc']:g} %). Scores have normal parts for patients, images, what an arm makes of a "
        "patient, seeds and the rest; with the usual ones single seeds of both arms differ by about two points in true "
        "strength. *Bias*: mean of the found difference minus the true one, with its 95 % interval. *Detectable*: "
        "median over the studies without a planted gain of what each printed (90 % of them in parentheses); *found "
        "there*: the share of studies with that true gain that are called a gain. *At the "
        f"margin*: 'no difference' although the true gain is {100 * settings['margin']:g} points."
    )


def _intervals(bound: list[Any]) -> str:
    both = {
        kind: [each[f"coverage{kind}{place}"]["rate"] for each in bound for place in ("", "_at_mdg")]
        for kind in ("", "_bca")
    }
    return (
        f"The verdict's percentile interval covers the truth in {_share(min(both['']))} to {_share(max(both['']))} of "
        f"the studies, the accelerated one (BCa), which is reported beside it, in {_share(min(both['_bca']))} to "
        f"{_share(max(both['_bca']))}."
    )


def _not_estimable(scenarios: list[Any]) -> str:
    counts = {
        kind: [f"{each['name']} {each[key]:,} of {3 * each['studies']:,}" for each in scenarios if each[key]]
        for kind, key in (("verdicts", "not_estimable"), ("accelerated intervals", "bca_not_estimable"))
    }
    said = "; ".join(f"{kind}: {', '.join(some) or 'none'}" for kind, some in counts.items())
    return f"Not estimable, and counted as neither calling nor covering anything, were {said}."


def _trained(trained: Any) -> list[str]:
    """Studies with real training, where they were run: ``{about, rows: [{arm, expected, word, difference}]}``."""
    if not trained:
        return []
    rows = ["| Arm | Expected | Verdict | Difference, points | |", "|---|---|---|---:|---|"]
    rows += [
        f"| {each['arm']} | {each['expected']} | {each['word']} | {100 * each['difference']:+.1f} | "
        f"{'pass' if (each['word'] == GAIN) == (each['expected'] == GAIN) else '**fail**'} |"
        for each in trained["rows"]
    ]
    return ["## With real training", trained["about"], "\n".join(rows)]


def _pool(pool: Any, settings: Mapping[str, Any], targets: Mapping[str, Any]) -> list[str]:
    """Studies drawn from a pool of real trainings, where there is one: the record of `pool.run`."""
    if not pool:
        return []
    stronger, weaker = pool["arms"]
    printed = pool["minimum_detectable_gain"]["median"]
    return [
        "## With studies drawn from real trainings",
        f"{pool['trainings']} trainings of `{weaker}`, as many of `{stronger}`, and the {pool['patients']} test "
        f"patients are all there is: each of {pool['studies']:,} studies per true gain draws {pool['seeds']} trainings "
        f"of either arm and {pool['patients']} patients with replacement, and the truth is that of all of them. "
        f"Without a gain both arms are `{weaker}` (A/A). With one the candidate predicts a fixed part of the patients "
        f"as `{stronger}` does: {points(pool['truth_at_mdg'])} points, where studies print "
        f"{points(printed, signed=False)} as detectable, and {points(pool['truth_at_margin'])} for a margin of "
        f"{points(settings['margin'], signed=False)}.",
        _targets(targets, [pool]),
        _table([pool], targets),
        _not_estimable([pool]),
    ]


@styled
def figure(found: Mapping[str, Any]) -> "Figure":
    """Three panels, a row per scenario: false gains, coverage without and at a gain, power; targets shaded."""
    from matplotlib.figure import Figure

    targets = found["targets"]
    scenarios = [*found["scenarios"], *([found["pool"]] if "pool" in found else [])]
    height = 0.27 * len(scenarios) + 1.2
    drawn = Figure(figsize=(drawing.WIDE, height))
    panels = drawn.subplots(1, 3, sharey=True)
    drawn.subplots_adjust(left=0.24, right=0.985, top=1 - 0.35 / height, bottom=0.75 / height, wspace=0.12)
    _panel(panels[0], scenarios, ["false_gain_rate"], targets["false_gain_rate"], "gain without a true gain, %")
    _panel(panels[1], scenarios, ["coverage", "coverage_at_mdg"], targets["coverage"], "coverage, %")
    _panel(panels[2], scenarios, ["power_at_mdg"], targets["power_at_mdg"], "gain at the detectable gain, %")
    panels[0].set_yticks(range(len(scenarios)), [each["name"] for each in scenarios])
    panels[0].set_ylim(len(scenarios) - 0.4, -0.6)
    return drawn


def _panel(axes: "Axes", scenarios: list[Any], rates: list[str], limits: Mapping[str, float], title: str) -> None:
    axes.axvspan(100 * limits.get("at_least", 0), 100 * limits.get("at_most", 1), color=drawing.BAND, linewidth=0)
    for row, each in enumerate(scenarios):
        colour = drawing.BLUE if each["bound"] else drawing.MUTED
        for place, name in enumerate(rates):
            rate, y = each[name], row + 0.24 * (place - (len(rates) - 1) / 2)
            axes.plot([100 * rate["low"], 100 * rate["high"]], [y, y], color=colour, linewidth=1.4)
            axes.plot(100 * rate["rate"], y, "os"[place], color=colour, markersize=4)
    axes.set_xlabel(title + ("\n(squares: at a gain)" if len(rates) > 1 else ""))
    axes.grid(axis="x")
    drawing.plain(axes)

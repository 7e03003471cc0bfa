"""The report's sentences: what each number is, how to read it, what it is not."""

from collections.abc import Mapping
from typing import Any

from synthgain.report import explain_tables, fairness_tables
from synthgain.report.grids import DIFFERENCE_FULL_SCALE
from synthgain.report.material import Material
from synthgain.report.wording import first_upper, metric_name, points

QUARANTINE_SHOWN = 50
SHARP_BELOW = 64
"""Smaller images are enlarged pixel by pixel, so that nobody takes the browser's smoothing for anatomy."""

FIGURES = {
    "learning_curve": (
        "Score against the number of labelled training images; the table below holds the same numbers.",
        "How the strongest arm without synthetic images learns from more labelled ones (points, band), and where the "
        "candidate's score lies (line, band). Where the line meets the curve is what the synthetic images are worth.",
    ),
    "forest": (
        "Differences between arms with their intervals; the table below holds the same numbers.",
        "Each row compares two arms, trained and tested as pairs. The marker is the mean over seeds, the bar its "
        "{level} % bootstrap interval over patients (or groups) and seeds, the ticks below are single seeds. The first "
        "row is the one declared claim. Shaded: differences too small to matter.",
    ),
    "recall": (
        "Recall of each class by arm, with intervals.",
        "Share of the test images of a class that were called by that class: mean over seeds and {level} % interval "
        "over patients (or groups) and seeds. Blue: the candidate. Black: the arm that it must beat.",
    ),
    "classifiers": (
        "Validation balanced accuracy during training, by arm.",
        "Balanced accuracy on validation during training: a grey line per seed, their mean on top. The best look of "
        "each seed is the classifier that was tested.",
    ),
    "generators": (
        "Training losses of the generators.",
        "Training losses, smoothed. A loss says whether training went on, not whether the images are good.",
    ),
}
"""For each figure its short description for those who cannot see it, and its caption."""

WORTH = {
    "levels": "The whole study once more with that share of the labelled training and validation patients: generator, "
    "filter, choice and classifiers learn from these alone. p Holm: corrected for the number of other levels; no "
    "difference is said of each level by itself.",
    "worth": "Real-image equivalents: how many labelled real images more would have raised the strongest arm "
    "without synthetic images by as much as they did, read off the learning curve of that arm.",
    "equivalents": "Images beyond those that the arm has; fewer than none where synthetic images cost. The curve is "
    "made monotone and read anew in every bootstrap replicate. Nothing is extrapolated: 'at least' and 'at most' mark "
    "the ends of the observed curve.",
    "calculator": "Savings from the lower limit, the cautious reading: labelled images that need not be made, less "
    "compute and work. Type your own prices; nothing leaves this page.",
}

AUDIT = {
    "fidelity": "Synthetic and real images are compared in the features of a classifier trained on the real training "
    "images, and of any other extractor that was given. Read each number beside the one below it, which is what two "
    "samples of real images give: closer to that is better. Fidelity does not predict utility; the gain above is the "
    "measure of that.",
    "recognition": "Share of the kept synthetic images that a classifier trained on real images calls by the class "
    "they were drawn for. Its confidence kept them where a filter was used, so they are the easier ones.",
    "distances": "KID and C2ST are the same at any number of images if nothing differs, so all images are used: "
    "interval over images and patients, and p from random divisions. The others, and every real value, depend on the "
    "number, so synthetic and real are compared at the same number on both sides: mean, least and greatest over random "
    "halvings of the real patients. High precision with low recall or coverage: good images, too few kinds. Values "
    "better than the real ones (a smaller FID, a higher density) may be copies: see Privacy.",
    "diversity": "Mean structural similarity (MS-SSIM) of two images of one class, real ones of different patients. "
    "Higher than the real value: the generator draws the same image again and again.",
    "selection": "Dropped for confidence: the classifier trained on real images gives the intended class too small a "
    "probability. Dropped for similarity: the features lie outside nearly all real images of that class.",
    "privacy": "Do the images, or the generator's weights, give training patients away? Judged is everything that was "
    "drawn, whether the filter kept it or not. Images that are handed on are judged by the column Images; whoever also "
    "hands on the weights has to read the column Weights. Such tests are a smoke alarm and no guarantee: below stands "
    "what each of them would have found.",
    "privacy_columns": "Near-copies: share that nearly equals a training image, mirrored or not. Learned copies: share "
    "that a detector, trained on the training images to see through small changes, calls copies (in parentheses: "
    "held-out real images, which set its limit). Nearer to train: share nearer, in pixels, to training than to as many "
    "held-out patients (in parentheses: what chance gives; p of a permutation of the patients). Authentic: share "
    "further from its nearest training image than that one is from other patients (in parentheses: held-out real "
    "images). Membership: how often a training image scores higher than a held-out one in the generator's own loss; "
    "0.5 is chance. Flagged: a single near-copy, or p < 0.01 in one of the other tests; authenticity only describes.",
    "privacy_power": "Share found, with exact 95 % interval, of copies of training images that were planted for this "
    "purpose: as they are, mirrored, turned by 5 to 15 degrees, with noise of 10 grey levels, with other contrast and "
    "brightness, blurred. Flagged from: the least share of the images that flags a generator.",
    "membership": "Attack on the weights: members are training images, others held-out ones. AUROC with 95 % interval "
    "over patients; p of a permutation of the patients; detectable: the AUROC that would be found four times in five.",
    "pairs": "Left the synthetic image, in the middle the training image nearest to it, right their absolute "
    f"difference (white: {DIFFERENCE_FULL_SCALE} or more of 255 grey levels).",
}


BELIEF = (
    "Controls are compared with the same baseline as the candidate. The simulated studies have patients, seeds and "
    "generators of known noise; studies whose patients or trainings differ much more than those can fare worse."
)


def equivalents(gains: Mapping[str, Any]) -> str:
    """How to read the real-image equivalents."""
    found = gains["learning_curve"]["equivalents"].values()
    if any(record["observed"][1] > record["images"] for record in found):
        return WORTH["equivalents"]
    return (
        f"{WORTH['equivalents']} The data leave no labelled images unused beyond those that the arms have, so that no "
        "number exceeds 0: what is worth more shows as 'at least 0'."
    )


def claim(gains: Mapping[str, Any], level: float, cell: str) -> str:
    """What the headline compares, and when it is called a gain; ``cell`` of several is shown below."""
    headline, folds = gains["headline"], gains.get("folds") or ()
    chosen = "; ".join(f"fold {k}: {each['candidate']} against {each['baseline']}" for k, each in enumerate(folds, 1))
    crossed = (
        f" Every patient tests once, in one of {len(folds)} folds; generators, filters and choices are nested in the "
        f"fold ({chosen}), and the predictions are pooled.{_by_fold(gains['by_fold'])} AUROC and average precision of "
        "pooled predictions also rank images of one fold against those of another, whose models may be calibrated "
        "otherwise: as a rule all arms score somewhat lower than within folds."
        if folds
        else ""
    )
    shown = (
        f" Screening, images, fidelity, privacy and data below are those of {cell}; 'flagged' below names every part "
        "of the study in which a generator was."
        if cell
        else ""
    )
    return (
        f"The one declared comparison: {headline['candidate']} against {headline['baseline']}, on validation the "
        f"strongest arm without synthetic images, in {metric_name(headline['metric'])} on {gains['n_test']:,} real "
        f"test images. It was declared before its arms predicted these. It is called a gain only where the "
        f"{100 * level:g} % interval and the exact sign-flip test over seeds agree." + crossed + shown
    )


def _by_fold(found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return f" By fold: {found['why']}."
    each = ", ".join(points(difference) for difference in found["differences"])
    return (
        f" By fold: {each} points; as repeated splits {points(found['mean'])} ({points(found['low'])} to "
        f"{points(found['high'])}; t-test corrected for overlapping training sets, Nadeau and Bengio), which describes "
        "and does not decide."
    )


def not_the_claim(gains: Mapping[str, Any]) -> str | None:
    """The difference to real images alone, which also contains what ordinary augmentation does."""
    contrast = gains.get("not_the_claim")
    if not contrast:
        return None
    pair = f"{contrast['candidate']} against {contrast['baseline']} (real images as they are)"
    if contrast.get("difference") is None:
        return f"{pair} could not be estimated: {contrast.get('why') or 'no reason recorded'}."
    known = contrast.get("low") is not None and contrast.get("high") is not None
    limits = f" ({points(contrast['low'])} to {points(contrast['high'])})" if known else ""
    return (
        f"{pair} differs by {points(contrast['difference'])} points{limits}. This contains what ordinary augmentation "
        "does, so it is no evidence for synthetic images."
    )


def contrasts(level: float, margin: float) -> str:
    return (
        "Detectable: the smallest true gain that this study, if large enough for a claim, would have called a gain "
        "four times in five; for secondary comparisons at the first and strictest step of their correction. p Holm: "
        "corrected for the number of secondary comparisons; the one declared claim needs no correction. "
        f"No difference: the {100 * (2 * level - 1):g} % interval lies within ±{100 * margin:g} points (two one-sided "
        "tests), for each comparison by itself: of many, some are called so by chance."
    )


def details(level: float, margin: float) -> str:
    return (
        f"BCa: the {100 * level:g} % interval corrected for bias and skewness; it decides nothing. p equivalence: of "
        f"'the true difference is {100 * margin:g} points or more, in either direction'."
    )


def fixed_pairs(pairs: Mapping[str, Any] | None) -> str:
    """What McNemar's and DeLong's tests are not."""
    return (
        f"McNemar's and DeLong's tests, seed by seed. Each {pairs['about']}: it knows neither of other seeds nor of "
        "patients, and takes no part in the verdict."
        if pairs
        else ""
    )


def arms(level: float) -> str:
    return (
        f"Mean over seeds ({100 * level:g} % interval over patients or groups, and seeds). Every arm has the same "
        "network, batch size, optimisation steps and selection rule; only the training data differ."
    )


def screening(metric: str, seeds: int) -> str:
    return (
        f"{first_upper(metric_name(metric))} on the validation split with {seeds} seeds of their own (each in "
        "parentheses); the confirmation above uses fresh seeds and the test split."
    )


def all_notes(material: Material) -> dict[str, str]:
    """The sentences that stand beside tables and pictures."""
    config, size = material.config, material.real.shape[-1]
    sharp = ", enlarged without smoothing" if size < SHARP_BELOW else ""
    return {
        **AUDIT,
        **WORTH,
        "equivalents": equivalents(material.gains),
        **explain_tables.NOTES,
        "diversity": f"{AUDIT['diversity']} {scales(material.fidelity)}",
        "belief": BELIEF,
        "contrasts": contrasts(material.level, config["claim"]["margin"]),
        "details": details(material.level, config["claim"]["margin"]),
        "fixed_pairs": fixed_pairs(material.gains.get("fixed_pairs")),
        "arms": arms(material.level),
        "more": "Brier score, log loss and calibration error judge the probabilities: smaller is better.",
        "fairness": fairness_tables.fairness_note(material.subgroups),
        "fairness_rule": fairness_tables.fairness_rule(material.subgroups),
        "reach": fairness_tables.REACH_NOTE,
        "release": fairness_tables.gate_note(material.gate),
        "gate": fairness_tables.GATE_NOTE,
        "screening": screening(config["claim"]["metric"], config["screening"]["seeds"]),
        "images": "Real training images above, what each generator made of the same class below: the first kept ones "
        f"in drawing order, chosen by rule and not by eye. They are {size} × {size} pixels{sharp}: what the classifier "
        "sees.",
        "counts": "Images (patients, or groups of near-duplicates where the patient is unknown).",
        "data": f"How the split was made: {material.facts['split'].rstrip('.')}.",
        "checks": _checks(material.validation["checks"]),
        **_quarantine(len(material.quarantine)),
    }


def scales(fidelity: Mapping[str, Mapping[str, Any]]) -> str:
    """On how many scales the MS-SSIM of the audits rests."""
    found = {record["diversity"]["scales"] for record in fidelity.values()}
    return " ".join(f"Images of this size hold {count} of its 5 scales." for count in sorted(found))


def _checks(checks: list[Mapping[str, Any]]) -> str:
    failed = [check for check in checks if not check["success"]]
    if not failed:
        return f"All {len(checks)} checks passed."
    critical = any(check["severity"] == "critical" for check in failed)
    consequence = "critical ones among them; the configuration allowed it" if critical else "none of them critical"
    return f"{len(failed)} of {len(checks)} checks failed, {consequence}."


def _quarantine(total: int) -> dict[str, str]:
    if not total:
        return {"quarantine": "Every file that was found could be used.", "quarantine_rows": ""}
    shown = f"All {total:,} with reasons"
    if total > QUARANTINE_SHOWN:
        shown = f"The first {QUARANTINE_SHOWN} of {total:,} with reasons; all are in data/ingest/quarantine.csv"
    return {"quarantine": f"{total:,} files could not be used and are in no split.", "quarantine_rows": shown}

"""Data card of each synthetic set, model card of each confirmed classifier: from stage outputs alone.

A card is a mapping of sections, written as JSON and, from the same values, as Markdown. It holds counts, hashes,
measures and findings; never a patient, an image or a place on the user's machine.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from synthgain.arms.arm import CONTROLS, parse
from synthgain.evaluation.folds import ROLES
from synthgain.report.markdown import escaped
from synthgain.report.material import FLAGS, Material
from synthgain.report.tables import ALL_CLASSES, counts
from synthgain.report.wording import describe, metric_name

NOT_RECORDED = "not recorded"
_MEASURES = ("balanced_accuracy", "macro_auroc", "accuracy", "macro_f1", "brier", "log_loss", "ece")
_LIMITS = (
    "Not for clinical use: a research result on one data set, measured on one test split or one cross-validation.",
    "Tests of memorisation can find copies; that they find none is no guarantee of privacy.",
    "What holds on average need not hold for a patient group that the data do not name.",
)


def cards(material: Material) -> dict[str, dict[str, Any]]:
    """Every card by the name of its files: ``data-<generator>``, ``model-candidate``, ``model-baseline``.

    Every other arm that was confirmed has a ``model-<arm>``.
    """
    roles = {arm_of(material, role): role for role in ("candidate", "baseline")}
    found = {f"data-{name}": data_card(material, name) for name in material.synthetic}
    arms = {arm: roles.get(arm) for arm in material.models["arms"]}
    return found | {f"model-{role or arm}": model_card(material, arm, role) for arm, role in arms.items()}


def arm_of(material: Material, role: str) -> str:
    """The arm in a role of the declared contrast; of a cross-validation, in the fold that is shown."""
    folds, fold = material.gains.get("folds") or [], material.cell.fold
    chosen = folds[fold] if folds and fold is not None else material.gains["headline"]
    return str(chosen[role])


def data_card(material: Material, generator: str) -> dict[str, Any]:
    """The card of the synthetic set that ``generator`` drew."""
    control, images = generator in CONTROLS, material.synthetic[generator]
    selection, settings = material.selection[generator], material.config["generators"][generator]
    weights, of_arms = settings["weights"], settings["repeats"] or generator
    drawn, trained = material.manifests[f"synthesize/{generator}"], material.manifests[f"train_generator/{weights}"]
    use = (
        "A control: it shows what the measurement says of images whose worth is known. Not meant for release."
        if control
        else f"Training images for classifiers of {', '.join(material.real.classes)}, beside real ones. Not for "
        "diagnosis, teaching or any statement about patients."
    )
    return {
        "card": "data", "name": f"{material.config['dataset']['name']}, drawn by {generator}",
        "intended_use": use,
        "generator": {
            "configuration": settings,
            "trained_on": {"split": "train", **_split(material, "train")},
            "training_data_sha256": trained["inputs"].get("ingest", NOT_RECORDED),
            "weights": _hashes(trained, ".safetensors"),
        },
        "images": {
            "shape": list(images.shape), "drawn": len(images), "kept": selection["all"]["kept"],
            "classes": {label: {"drawn": each["drawn"], "kept": each["kept"]}
                        for label, each in selection["classes"].items()},
        },
        "selection": {
            "filtered": selection["filtered"], "why": selection["why"] or None,
            "thresholds": selection["thresholds"], "needed": selection["needed"], "enough": selection["enough"],
        },
        "fidelity": _fidelity(material, generator),
        "privacy": _privacy(material, generator),
        "gain": _gain(material, (each for each in _contrasts(material)
                                 if parse(_candidate_of(material, each)).generator == of_arms)),
        "subgroups": _subgroups(material) | {"share_reached": _reached(material, generator)},
        "release": _release(material, of_arms == parse(arm_of(material, "candidate")).generator),
        "limits": _limits(material),
        "hashes": {"synthetic_set": material.artifacts_of("synthesize", generator), "files": drawn["files"]},
    }  # fmt: skip


def model_card(material: Material, name: str, role: str | None = None) -> dict[str, Any]:
    """The card of the classifier of the arm ``name``; ``role``: ``candidate``, ``baseline``, or none of the two."""
    arm, known = parse(name).at(material.plan["ratio"]), material.models
    pooled, generator = material.gains["headline"][role] if role else name, arm.generator
    return {
        "card": "model", "name": f"{material.config['dataset']['name']}, {name}",
        "role": role or "beside the declared contrast",
        "intended_use": f"Research on telling {', '.join(material.real.classes)} apart in images like those of the "
        "data set. Not for diagnosis.",
        "model": {
            "classifier": known["classifier"], "input": {"channels": known["channels"], "size": known["size"]},
            "output": {"classes": list(known["classes"]), "as": "logits"},
            "seed": known["arms"][name]["seed"], "chosen_for": "best of all seeds on validation",
            "validation_balanced_accuracy": known["arms"][name]["val_balanced_accuracy"],
        },
        "training_data": {
            "what": describe(name), "real": _split(material, "train"), "validation": _split(material, "val"),
            "synthetic": None if generator is None else {
                "generator": generator, "per_real_image": None if arm.whole else arm.ratio, "filtered": arm.filtered,
                "kept": material.selection[generator]["all"]["kept"],
                "set_sha256": material.artifacts_of("synthesize", generator),
            },
        },
        "performance": _performance(material, pooled),
        "gain": _gain(material, (each for each in _contrasts(material)
                                 if (each is material.gains["headline"] if role else each["candidate"] == name))),
        "subgroups": _subgroups(material, pooled) if role else "compared for the candidate and the baseline alone",
        "privacy": None if generator is None else _privacy(material, generator),
        "release": _release(material, role == "candidate"),
        "limits": _limits(material),
        "hashes": {
            "weights": material.manifests["confirm"]["files"].get(f"models/{name}.safetensors", NOT_RECORDED),
            "real_set": material.artifacts_of("ingest"), "predictions": material.artifacts_of("confirm"),
        },
    }  # fmt: skip


def _performance(material: Material, arm: str) -> dict[str, Any]:
    """Every measure on the test images; an arm that not all folds confirmed has none over all of them."""
    scores = material.gains["arms"].get(arm)
    measured: dict[str, Any] = {
        "measured_on": {"split": "test", "images": material.gains["n_test"],
                        "patients_or_groups": material.gains["n_groups"], "seeds": material.gains["seeds"]},
        "of": "the mean over all seeds; these weights are of one of them, by whose own test score none is chosen",
    }  # fmt: skip
    if scores is None:
        return measured | {"not_estimable": "this arm was not confirmed in every fold"}
    measured |= {metric_name(metric): _score(scores[metric]) for metric in _MEASURES if metric in scores}
    return measured | {"recall by class": {label: _score(score) for label, score in scores["recall"].items()}}


def _split(material: Material, split: str) -> dict[str, Any]:
    """Images and patients (or groups) of a split by class."""
    mine = [each for each in counts(material.real) if each["split"] == split]
    return {
        "classes": {each["class"]: {"images": each["images"], "patients_or_groups": each["groups"]}
                    for each in mine if each["class"] != ALL_CLASSES},
        **{key: each[given] for each in mine if each["class"] == ALL_CLASSES
           for key, given in (("images", "images"), ("patients_or_groups", "groups"))},
    }  # fmt: skip


def _hashes(manifest: Mapping[str, Any], ending: str) -> dict[str, str] | None:
    return {name: sha256 for name, sha256 in manifest["files"].items() if name.endswith(ending)} or None


def _score(record: Mapping[str, Any]) -> dict[str, Any]:
    """Value, interval and, where one is missing, its reason."""
    value = record.get("mean", record.get("value"))
    known = {"value": value, "low": record.get("low"), "high": record.get("high")}
    why = record.get("why") or record.get("low_why")
    return known | ({"why": why} if why and None in known.values() else {})


def _measure(record: Mapping[str, Any]) -> dict[str, Any]:
    """A `_score`; where limits are the least and the greatest of several values, ``range`` takes their place."""
    if "value" in record:
        return _score(record)
    limits = None if record["mean"] is None else [record["low"], record["high"]]
    return {"value": record["mean"], "range": limits} | ({"why": record["why"]} if "why" in record else {})


def _fidelity(material: Material, generator: str) -> dict[str, Any]:
    found = material.fidelity[generator]
    seen = found["recognition"].get("synthetic") or {"share": None}
    return {
        "extractors": {
            name: {"sha256": each["sha256"]}
            | {measure: _measure(record) for measure, record in each["pooled"].items() if isinstance(record, Mapping)}
            for name, each in found["extractors"].items()
        },
        "recognised_as_intended": seen["share"], "recognised_by_chance": found["recognition"]["chance"],
        "read": "each measure beside its null, which two samples of real images have; limits are an interval or, after "
        "the word range, the least and the greatest value over random halves of the real patients; fidelity is no "
        "proof of use",
    }  # fmt: skip


def _privacy(material: Material, generator: str) -> dict[str, Any]:
    found = material.privacy[generator]
    return {
        **{flag: found[flag] or bool(found.get("flagged_in", {}).get(flag)) for flag in FLAGS},
        "finding": found["sentence"], "images_audited": found["n_synthetic"],
    }  # fmt: skip


def _contrasts(material: Material) -> list[Mapping[str, Any]]:
    """The declared contrast, then the secondary ones."""
    return [material.gains["headline"], *material.gains["secondary"]]


def _candidate_of(material: Material, contrast: Mapping[str, Any]) -> str:
    """The candidate of a contrast as an arm, also where the folds filled that role differently."""
    named = str(contrast["candidate"])
    return arm_of(material, "candidate") if named in ROLES else named


def _gain(material: Material, contrasts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict, and some of the contrasts."""
    return {
        "verdict_of_the_declared_contrast": material.gains["verdict"]["sentence"],
        "contrasts": {
            f"{each['candidate']} against {each['baseline']}": {
                "metric": each["metric"], "word": each["word"],
                "difference": _score({"value": each["difference"], **each}),
                "p": each.get("p"), "p_holm": each.get("p_holm"),
            }
            for each in contrasts
        },
    }  # fmt: skip


def _subgroups(material: Material, arm: str | None = None) -> dict[str, Any]:
    """What synthetic images do to each subgroup, or an arm's score in it."""
    found = material.subgroups
    shown = {
        name: {
            each["name"]: {"patients_or_groups": each["patients"]}
            | ({"finding": each["difference"]["word"], "difference": _score(each["difference"])} if arm is None
               else {metric_name(found["metric"]): _score(each["arms"][arm])})
            for each in one["subgroups"]
        }
        for name, one in found["attributes"].items()
    }  # fmt: skip
    gaps = {
        name: _score(one["gap_change"]) if arm is None else one["gaps"][arm]["value"]
        for name, one in found["attributes"].items()
    }
    return {
        "margin": found["margin"], "attributes": shown,
        ("change_of_the_gap" if arm is None else "gap"): gaps, "not_compared": found["left_out"],
    }  # fmt: skip


def _reached(material: Material, generator: str) -> dict[str, Any]:
    """The share of each subgroup's real images near which a synthetic one lies."""
    found = material.fidelity[generator]["subgroups"]
    return {
        attribute: {each["name"]: _score(each) for each in one["subgroups"]}
        for attribute, one in found["attributes"].items()
    }


def _release(material: Material, judged: bool) -> dict[str, Any]:
    if not judged:
        return {"decision": "not judged: the gate judges the candidate and the images behind it"}
    decision = material.gate["utility"]
    return {
        "decision": decision["word"], "reason_for_synthetic_images": decision["reason"],
        "decision_where_the_reason_is_privacy": material.gate["privacy"]["word"],
        "conditions": {each["name"]: f"{each['state']}: {each['why']}" for each in decision["conditions"]},
    }  # fmt: skip


def _limits(material: Material) -> list[str]:
    size = material.real.shape[-1]
    own = [f"Images are {size} × {size} pixels; finer signs of disease are not in them."]
    if not material.subgroups["attributes"]:
        own.append("The data name no attribute, so whether the result holds for all patients alike is not known.")
    return [*_LIMITS, *own, *(str(note) for note in material.facts.get("notes") or ())]


def markdown(card: Mapping[str, Any]) -> str:
    """A card as a page; the same values in the same order."""
    kind = {"data": "Data card", "model": "Model card"}[card["card"]]
    blocks = [f"# {kind}: {escaped(card['name'])}"]
    for name, value in card.items():
        if name in ("card", "name"):
            continue
        blocks += [
            f"## {_label(name)}",
            "\n".join(_lines(value, 0)) if isinstance(value, dict | list) else _said(value),
        ]
    return "\n\n".join(blocks) + "\n"


def _label(name: str) -> str:
    return escaped(name[:1].upper() + name[1:].replace("_", " "))


def _lines(value: Mapping[str, Any] | list[Any], depth: int) -> list[str]:
    lines, indent = [], "  " * depth
    for name, each in value.items() if isinstance(value, Mapping) else ((None, each) for each in value):
        head = f"{indent}-" if name is None else f"{indent}- **{escaped(str(name))}:**"
        if isinstance(each, dict) and each and "value" not in each:
            lines += [head, *_lines(each, depth + 1)]
        else:
            lines.append(f"{head} {_said(each)}")
    return lines


def _said(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return _number(value)
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:.4g}" if isinstance(value, float) else escaped(str(value))


def _number(score: Mapping[str, Any]) -> str:
    """A value with its interval or range, or why one of them is missing."""
    why = f" ({escaped(str(score['why']))})" if "why" in score else ""
    if score["value"] is None:
        return f"not estimable{why}"
    low, high = score["range"] if "range" in score else (score["low"], score["high"])
    if low is None:
        return f"{_said(score['value'])}{why}"
    return f"{_said(score['value'])} ({'range ' if 'range' in score else ''}{_said(low)} to {_said(high)})"

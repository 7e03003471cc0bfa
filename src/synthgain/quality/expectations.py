"""What must hold of an image set before anything learns from it: a Great Expectations suite over its table.

Disjointness across splits is told from derived columns: an image whose group lies in one split has ``splits_of_group``
1. Great Expectations is used without a project on disk and without its analytics.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthgain.dataset import REAL, SPLITS
from synthgain.quality.splits import UNUSED
from synthgain.schema import Dataset

LOWEST_CONTRAST = 2.0
"""Grey levels: an image with a smaller standard deviation shows next to nothing."""


@dataclass(frozen=True)
class Check:
    """The outcome of one expectation."""

    name: str
    severity: str
    """``critical`` or ``warning``."""
    success: bool
    detail: str
    rows: tuple[int, ...]
    """Row numbers that do not meet it, where it is about rows."""


def examine(table: pd.DataFrame, classes: Sequence[str], dataset: Dataset) -> tuple[list[Check], Any]:
    """Run the suite on the table of an image set.

    Returns
    -------
    The outcome of every expectation, in the order of the suite, and Great Expectations' own validation result.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("image set").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all images")
    expectations = _suite(classes, dataset)
    suite = context.suites.add(gx.ExpectationSuite(name="images", expectations=expectations))
    definition = gx.ValidationDefinition(name="images", data=batch, suite=suite)
    derived = derive_columns(table)
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": derived},
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["row", "origin"]},
    )
    checks = {check.name: check for check in map(_check, result.results)}
    return [checks[expectation.meta["name"]] for expectation in expectations], result


def derive_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with ``row`` and the columns that the suite looks at; ``unused`` images count in no split."""
    used = table["split"] != UNUSED
    derived = table.assign(row=range(len(table)))
    for column in ("patient_id", "duplicate_group", "group"):
        known = used & (table[column] != "")
        spread = table["split"].where(known).groupby(table[column]).transform("nunique")
        derived[f"splits_of_{column}"] = spread.where(known, 1).astype(int)
    sizes = table.groupby(["split", "label"])["split"].transform("size")
    derived["images_of_class_in_split"] = sizes.where(used)
    derived["classes_in_split"] = table.groupby("split")["label"].transform("nunique").where(used)
    derived["synthetic_outside_train"] = (table["source"] != REAL) & (table["split"] != "train")
    return derived


def _suite(classes: Sequence[str], dataset: Dataset) -> list[Any]:
    import great_expectations.expectations as gxe

    leak = "warning" if dataset.on_leak == "allow" else "critical"

    def expect(name: str, kind: type, severity: str = "critical", **values: Any) -> Any:
        return kind(meta={"name": name}, severity=severity, **values)

    unique, within, one_of = (
        gxe.ExpectColumnValuesToBeUnique, gxe.ExpectColumnValuesToBeBetween, gxe.ExpectColumnValuesToBeInSet,
    )  # fmt: skip
    known, size = gxe.ExpectColumnValuesToNotBeNull, dataset.image.size
    return [
        expect("image_ids_known", known, column="image_id"),
        expect("image_ids_unique", unique, column="image_id"),
        expect("origins_known", known, column="origin"),
        expect("hashes_well_formed", gxe.ExpectColumnValuesToMatchRegex, column="sha256", regex="^[0-9a-f]{64}$"),
        expect("unique_images", unique, leak, column="sha256"),
        expect("duplicate_groups_disjoint", one_of, leak, column="splits_of_duplicate_group", value_set=[1]),
        expect("patients_disjoint", one_of, leak, column="splits_of_patient_id", value_set=[1]),
        expect("groups_disjoint", one_of, leak, column="splits_of_group", value_set=[1]),
        expect("labels", one_of, column="label", value_set=list(classes)),
        expect("splits", one_of, column="split", value_set=[*SPLITS, UNUSED]),
        expect("every_split_present", gxe.ExpectColumnDistinctValuesToContainSet, column="split", value_set=[*SPLITS]),
        expect("every_class_in_every_split", one_of, column="classes_in_split", value_set=[len(classes)]),
        expect("images_per_class", within, column="images_of_class_in_split", min_value=dataset.min_per_class),
        expect("synthetic_only_in_train", one_of, column="synthetic_outside_train", value_set=[False]),
        expect("darkest_grey_level", within, column="pixel_min", min_value=0, max_value=254),
        expect("brightest_grey_level", within, column="pixel_max", min_value=1, max_value=255),
        expect("not_constant", within, column="pixel_std", min_value=0, strict_min=True, max_value=127.5),
        expect("enough_contrast", within, "warning", column="pixel_std", min_value=LOWEST_CONTRAST, mostly=0.99),
        expect("width_at_least_the_target", within, "warning", column="width", min_value=size, mostly=0.95),
        expect("height_at_least_the_target", within, "warning", column="height", min_value=size, mostly=0.95),
    ]


def _check(one: Any) -> Check:
    config, result = one.expectation_config, one.result
    rows = tuple(sorted(int(item["row"]) for item in result.get("unexpected_index_list") or ()))
    if one.exception_info.get("raised_exception"):
        detail = f"could not be evaluated: {one.exception_info.get('exception_message')}"
    elif one.success and not rows:
        detail = "holds for every image" if "unexpected_count" in result else "holds"
    elif "unexpected_count" in result:
        detail = f"{result['unexpected_count']} of {result['element_count']} images do not meet it"
    else:
        detail = f"found {result.get('observed_value')}"
    return Check(config.meta["name"], str(config.severity.value), bool(one.success), detail, rows)

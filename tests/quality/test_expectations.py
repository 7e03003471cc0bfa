"""The suite names what is wrong with an image set, and the rows."""

from collections.abc import Callable

import pandas as pd
import pytest

from synthgain.quality import data_docs, expectations
from synthgain.schema import Dataset, Image, SourceConfig

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def settings(**changes: object) -> Dataset:
    values = {"image": Image(size=16), "min_per_class": 2, **changes}
    return Dataset(name="toy", source=SourceConfig(kind="toy"), **values)


def sound(count: int = 24) -> pd.DataFrame:
    """Two classes in three splits, two images per patient."""
    patients = [f"p{row // 2}" for row in range(count)]
    splits = [("train", "val", "test")[row // 4 % 3] for row in range(count)]
    return pd.DataFrame({
        "image_id": [f"i{row}" for row in range(count)], "label": ["ab"[row // 2 % 2] for row in range(count)],
        "patient_id": patients, "group": patients, "split": splits, "source": "real",
        "origin": [f"{row}.png" for row in range(count)], "sha256": [f"{row:064x}" for row in range(count)],
        "duplicate_group": [f"d{row}" for row in range(count)], "width": 20, "height": 20,
        "pixel_min": 0, "pixel_max": 255, "pixel_mean": 90.0, "pixel_std": 40.0,
    })  # fmt: skip


def failed(table: pd.DataFrame, dataset: Dataset | None = None) -> dict[str, tuple[int, ...]]:
    checks, _ = expectations.examine(table, ["a", "b"], dataset or settings())
    return {check.name: check.rows for check in checks if not check.success}


def changed(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table.infer_objects()

    return change


def test_a_sound_set_passes_every_check() -> None:
    checks, _ = expectations.examine(sound(), ["a", "b"], settings())
    assert [check.name for check in checks if not check.success] == []
    assert {check.severity for check in checks} == {"critical", "warning"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (changed("image_id", 3, "i2"), {"image_ids_unique": (2, 3)}),
        (changed("image_id", 3, None), {"image_ids_known": (3,)}),
        (changed("sha256", 5, f"{4:064x}"), {"unique_images": (4, 5)}),
        (changed("sha256", 5, "short"), {"hashes_well_formed": (5,)}),
        (changed("duplicate_group", 4, "d0"), {"duplicate_groups_disjoint": (0, 4)}),
        (changed("group", 4, "p0"), {"groups_disjoint": (0, 1, 4)}),
        (changed("patient_id", 4, "p0"), {"patients_disjoint": (0, 1, 4)}),
        (changed("label", 0, "z"), {"labels": (0,), "every_class_in_every_split": (0, 1, 2, 3, 12, 13, 14, 15),
                                    "images_per_class": (0,)}),
        (changed("split", 0, "holdout"), {"splits": (0,), "groups_disjoint": (0, 1), "patients_disjoint": (0, 1),
                                          "every_class_in_every_split": (0,), "images_per_class": (0,)}),
        (changed("source", 8, "dcgan"), {"synthetic_only_in_train": (8,)}),
        (changed("source", 0, "dcgan"), {}),
        (changed("pixel_std", 7, 0.0), {"not_constant": (7,), "enough_contrast": (7,)}),
        (changed("width", 7, 8), {}),
        (lambda table: table.assign(width=8), {"width_at_least_the_target": tuple(range(24))}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_rows(
    change: Callable[[pd.DataFrame], pd.DataFrame], names: dict[str, tuple[int, ...]]
) -> None:
    assert failed(change(sound())) == names


def test_too_few_images_of_a_class_and_an_absent_split() -> None:
    assert set(failed(sound(), settings(min_per_class=5))) == {"images_per_class"}
    table = sound()
    assert "every_split_present" in failed(table[table["split"] != "val"])


def test_unused_images_count_in_no_split() -> None:
    table = sound()
    table.loc[[0, 1], "split"] = "unused"
    table.loc[4, "group"] = "p0"
    assert failed(table) == {}


def test_leaks_are_warnings_where_they_are_allowed() -> None:
    table = changed("group", 4, "p0")(sound())
    for on_leak, severity in (("stop", "critical"), ("regroup", "critical"), ("allow", "warning")):
        checks, _ = expectations.examine(table, ["a", "b"], settings(on_leak=on_leak))
        assert [check.severity for check in checks if not check.success] == [severity]


def test_the_page_loads_nothing_and_lets_nothing_in_the_data_act() -> None:
    table = changed("label", 0, HOSTILE)(sound())
    table.loc[0, "origin"] = HOSTILE
    pages = [data_docs.page(expectations.examine(table, ["a", "b"], settings())[1]) for _ in range(2)]
    assert pages[0] == pages[1]
    for word in ("http", "src=", "href", "<script", "<link", "<img", "onerror=", "url(", "20261", "__none__"):
        assert word not in pages[0].replace(HOSTILE, "").lower(), word
    assert "splits_of_group" in pages[0]
    assert "fa-times" in pages[0]

"""Which columns become subgroups, and why others do not."""

import numpy as np
import pandas as pd
import pytest

from synthgain.errors import SynthgainError
from synthgain.evaluation.attributes import UNKNOWN, find


def rows(count: int, **attributes: list[str]) -> pd.DataFrame:
    own = {
        "image_id": [f"i{n:03d}" for n in range(count)], "label": [("ill", "well")[n % 2] for n in range(count)],
        "patient_id": [f"p{n // 2}" for n in range(count)], "group": "", "split": "test", "source": "real",
        "origin": "", "sha256": "", "duplicate_group": "", "width": 64, "mode": "L", "given_split": "test",
    }  # fmt: skip
    return pd.DataFrame(own | attributes)


def cycled(*values: str, count: int = 60) -> list[str]:
    return [values[n // 2 % len(values)] for n in range(count)]


def test_the_columns_that_ingest_measures_are_no_attributes() -> None:
    test = rows(60, sex=cycled("F", "M"))
    found, left_out = find(test, test, None, {})
    assert [each.name for each in found] == ["sex"]
    assert left_out == {}
    assert found[0].values == ("F", "M")
    assert found[0].member[:4].tolist() == [0, 0, 1, 1]


def test_numbers_with_many_values_become_tertiles_of_the_train_split() -> None:
    ages = [str(20 + n) for n in range(60)]
    train, test = rows(60, age=ages), rows(60, age=list(reversed(ages)))
    (age,), _ = find(train, test.assign(age=test["age"].replace("30", "")), None, {})
    first, second = np.quantile(np.arange(20, 80), [1 / 3, 2 / 3])
    assert age.edges == pytest.approx((first, second))
    assert age.values == (f"below {first:g}", f"{first:g} to below {second:g}", f"{second:g} and above")
    numbers = test["age"].astype(float).to_numpy()
    assert (age.member[numbers < first] <= 0).all()
    assert (age.member[numbers >= second] == 2).all()
    assert age.member[numbers == 30].tolist() == [UNKNOWN]


def test_few_numbers_stay_what_they_are_in_the_order_of_numbers() -> None:
    test = rows(60, tesla=cycled("10", "3", "1.5"))
    (tesla,), _ = find(test, test, None, {})
    assert tesla.values == ("1.5", "3", "10")
    assert tesla.edges is None


def test_what_cannot_be_compared_is_left_out_with_its_reason() -> None:
    names = [f"word {n}" for n in range(60)]
    test = rows(
        60, one=["a"] * 60, empty=[""] * 60, names=names, tells=cycled("x", "y"), bed=cycled("1", "2"),
        constant=[str(n) for n in [1] * 30 + list(range(30))],
    ).assign(tells=lambda table: table["label"].map({"ill": "a", "well": "b"}))  # fmt: skip
    train = test.assign(constant="100")
    found, left_out = find(train, test, None, {"bed": "it stands for the patient"})
    assert found == []
    assert left_out["one"] == "it has one value among the test images"
    assert left_out["empty"] == "no value is known"
    assert left_out["names"].startswith("it has 60 values that are no numbers")
    assert left_out["tells"].startswith("it tells the class")
    assert left_out["bed"] == "it stands for the patient"
    assert left_out["constant"] == "its values among the test images fall into one bin"


def test_data_without_attributes_have_no_subgroups() -> None:
    assert find(rows(8), rows(8), None, {}) == ([], {})


def test_an_unknown_attribute_is_refused_with_the_nearest_name() -> None:
    test = rows(60, scanner=cycled("A", "B"), sex=cycled("F", "M"))
    with pytest.raises(SynthgainError, match=r"fairness.attributes: no attribute 'scaner'.*did you mean 'scanner'"):
        find(test, test, ["scaner"], {})
    found, _ = find(test, test, ["sex"], {})
    assert [each.name for each in found] == ["sex"]


def test_hostile_values_are_values_like_others() -> None:
    test = rows(60, site=cycled("<script>", "a|b", "../..", "NaN", "inf"))
    (site,), _ = find(test, test, None, {})
    assert set(site.values) == {"<script>", "a|b", "../..", "NaN", "inf"}
    numeric = rows(60, dose=[*(str(n) for n in range(59)), "inf"])
    _, left_out = find(numeric, numeric, None, {})
    assert "no numbers" in left_out["dose"]

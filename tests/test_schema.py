"""Values are taken as they are given: what would have to be converted, or stands twice, is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from synthgain import schema
from synthgain.config import load
from synthgain.errors import SynthgainError


@pytest.mark.parametrize(("section", "key", "value", "said"), [
    (schema.Claim, "margin", "0.02", "a number"),
    (schema.Claim, "margin", "1e-4", "a number"),
    (schema.Augmentation, "rotate", True, "a number"),
    (schema.Screening, "seeds", True, "a whole number"),
    (schema.Screening, "seeds", "2", "a whole number"),
    (schema.Screening, "seeds", 2.0, "a whole number"),
    (schema.Image, "channels", True, "a whole number"),
    (schema.Tracking, "models", 1, "true or false"),
    (schema.Tracking, "models", "yes", "true or false"),
    (schema.Arms, "ratios", [1.0, "2"], "a number"),
    (schema.Arms, "filtered", [1], "true or false"),
    (schema.Split, "fractions", (True, 0.2), "a number"),
    (schema.Split, "folds", "5", "a whole number"),
])  # fmt: skip
def test_nothing_but_a_number_is_a_number(section: type[schema.Strict], key: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=rf"(?s){key}.*Input should be {said}"):
        section.model_validate({key: value})


def test_a_whole_number_is_a_number_and_a_list_a_tuple() -> None:
    assert schema.Arms(ratios=[1, 2.5]).ratios == (1.0, 2.5)  # type: ignore[arg-type]
    assert schema.DP(epsilon=3).epsilon == 3.0


@pytest.mark.parametrize("key, value", [("labels", [0.5, 1.0, 0.5]), ("classes", ["a", "b", "a"])])
def test_a_level_or_class_that_stands_twice_is_refused(key: str, value: list[Any]) -> None:
    given = {"name": "d", "source": schema.SourceConfig(kind="phantom")}
    with pytest.raises(ValidationError, match=rf"(?s){key}.*a value stands twice"):
        schema.Dataset.model_validate(given | {key: value})
    assert schema.Dataset.model_validate(given | {key: value[:2]})


@pytest.mark.parametrize("uri", [
    "postgresql://mri:hunter2@db/mlflow", "postgresql+psycopg2://mri:h/unter2@db:5432/mlflow",
    "https://mri:hunter2@mlflow.example.org", "postgresql://db/mlflow?user=mri&password=hunter2", "https://:hunter2@host",
])  # fmt: skip
def test_a_password_in_the_address_of_the_store_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(SynthgainError) as caught:
        load({"dataset": {"name": "d", "source": {"kind": "phantom"}}, "tracking": {"uri": uri}})
    assert "tracking.uri: holds a password" in str(caught.value)
    assert "PGPASSWORD" in str(caught.value)
    assert "unter2" not in str(caught.value)


@pytest.mark.parametrize("uri", [
    "sqlite:///mlruns/mlflow.db", "sqlite:////abs/a:b@c/mlflow.db", "postgresql://mri@db:5432/mlflow",
    "http://127.0.0.1:5000", "mlruns",
])  # fmt: skip
def test_an_address_without_a_password_is_taken(uri: str) -> None:
    assert schema.Tracking(uri=uri).uri == uri

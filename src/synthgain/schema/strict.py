"""What every section of an experiment is: frozen, without unknown keys, documented below each field."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME)]
SECRET = "secret"
"""Type of the errors whose input must not be shown."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _as_given(cls, given: Any, typed: ValidatorFunctionWrapHandler) -> Any:
        """Refuse what would be converted without a word: ``true`` to 1, ``"1e-4"`` to 0.0001, 8.0 to 8."""
        value = typed(given)
        if wanted := _converted(given, value):
            raise PydanticCustomError("converted", "Input should be {wanted}", {"wanted": wanted})
        return value


def _converted(given: Any, value: Any) -> str | None:
    """What should have been given for ``value``, where it was something else that was taken for it."""
    if isinstance(value, bool):
        return None if isinstance(given, bool) else "true or false"
    if isinstance(value, int):
        return "a whole number" if isinstance(given, bool | float | str) else None
    if isinstance(value, float):
        return "a number (text is also 1e-4 in YAML, 1.0e-4 is not)" if isinstance(given, bool | str) else None
    if isinstance(value, tuple) and isinstance(given, list | tuple):
        return next(filter(None, map(_converted, given, value)), None)
    return None

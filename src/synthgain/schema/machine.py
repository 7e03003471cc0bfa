"""Where it runs and where it is logged."""

import re
from typing import Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from synthgain.schema.strict import SECRET, Positive, Strict

_PASSWORD = re.compile(r"^[^:/]+://[^:/@]*:[^@]+@|[?&](password|passwd|pwd|token)=", re.IGNORECASE)
"""In the address of a store: ``scheme://user:password@host``, or as a parameter."""


class Tracking(Strict):
    uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow tracking store, relative to the workspace; without a password, which the environment can hold."""
    models: bool = True
    """Log the headline classifiers as MLflow models with signature."""

    @field_validator("uri")
    @classmethod
    def _no_password(cls, uri: str) -> str:
        if _PASSWORD.search(uri):
            raise PydanticCustomError(
                SECRET,
                "holds a password, which would be written to params.yaml; give it in the environment, for an MLflow "
                "server as MLFLOW_TRACKING_PASSWORD, for PostgreSQL as PGPASSWORD",
            )
        return uri


class Compute(Strict):
    """How to compute, never what: nothing here enters a hash, except that threads may change the last bits."""

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    threads: Positive = 1
    """CPU threads per process; fixed, because the order of sums depends on it."""
    workers: Positive = 2
    """Processes that train classifiers, decode images or evaluate side by side, and stages that run side by side;
    beside several of them, one stage more in the background."""

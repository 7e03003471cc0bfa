"""Tables for people, as CSV that no spreadsheet executes."""

from pathlib import Path

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write ``table``; a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    safe = table.copy()
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
        text = safe[column].astype("str")
        safe[column] = ("'" + text).where(text.str.startswith(_FORMULA), text)
    safe.to_csv(path, index=False, lineterminator="\n")

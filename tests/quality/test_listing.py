"""A listing that is opened in a spreadsheet executes nothing."""

from pathlib import Path

import pandas as pd

from synthgain.quality.listing import write_csv


def test_formulas_are_made_harmless_and_numbers_left_alone(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"origin": ["=1+1", "+a", "-b", "@c", "\tq", "plain", 'has "quotes", commas'], "count": range(-3, 4)}
    )
    write_csv(table, tmp_path / "x.csv")
    found = pd.read_csv(tmp_path / "x.csv")
    assert found["origin"].tolist() == ["'=1+1", "'+a", "'-b", "'@c", "'\tq", "plain", 'has "quotes", commas']
    assert found["count"].tolist() == list(range(-3, 4))

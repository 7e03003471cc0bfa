"""Markdown in which no name, label or value can become markup."""

from collections.abc import Iterable
from typing import Any

from synthgain.report import tables
from synthgain.report.wording import plain_text


def escaped(text: str) -> str:
    """``text`` without meaning to Markdown or HTML."""
    for sign in ("\\", "`", "*", "_", "|", "[", "]", "$"):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bullets(lines: Any) -> list[str]:
    """One block with a bullet for each line; no block where there is none."""
    return ["\n".join(f"- {escaped(str(line))}" for line in lines)] if lines else []


def rows(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """A table of text that is escaped here."""
    names = [escaped(name) for name in head]
    lines = [names, ["---"] * len(names), *([escaped(cell) for cell in each] for each in body)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def table(given: tables.Table) -> str:
    """The report's table; numbers stand right."""

    def row(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    rules = ["---" if place == 0 or place in given.text else "---:" for place in range(len(given.head))]
    body = []
    for entry in given.rows:
        cells = [escaped(str(cell) if isinstance(cell, tables.Named) else plain_text(cell)) for cell in entry.cells]
        body.append(row(f"**{cell}**" if cell and entry.kind == "lead" else cell for cell in cells))
    return "\n".join([row(map(escaped, given.head)), row(rules), *body])

"""Great Expectations' Data Docs page as one file that loads nothing and says the same about the same data.

Their page takes its style and scripts from servers and shows when and in which run it was made. Kept are tables and
text; a tag or attribute that is not known here is dropped, so that nothing that stands in the data can act.
"""

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

TAGS = frozenset(
    ("div", "span", "table", "thead", "tbody", "tr", "th", "td", "h4", "h5", "h6", "p", "strong", "br", "ul", "ol",
     "li", "code", "i")
)  # fmt: skip
DROPPED = frozenset(
    ("head", "script", "style", "nav", "footer", "iframe", "noscript", "svg", "label", "button", "select", "textarea")
)
VOID = frozenset(("br", "img", "input", "link", "meta", "hr"))
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border:1px solid #d5dae1;padding:.35rem .6rem;
text-align:left;vertical-align:top;overflow-wrap:anywhere}th,td:first-child{overflow-wrap:normal}th{background:#f2f4f7}[hidden]{display:none}
.alert{background:#f2f4f7;border-left:4px solid #56718f;padding:.6rem 1rem;margin-top:1.5rem}h4,h5,h6{margin:.2rem 0}
.badge{background:#e3e8ee;border-radius:.3rem;padding:0 .4rem}.text-danger{color:#a3241c}.text-success{color:#1b6b3a}
i.fa-check-circle::before{content:"\\2714 holds"}i.fa-times::before{content:"\\2718 fails"}
i.fa-exclamation-triangle::before{content:"\\26a0 error"}
@media print{body{margin:0}table{page-break-inside:auto}}
"""


def page(result: Any) -> str:
    """The HTML of a validation result."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    reader = _Reader()
    reader.feed(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))
    reader.close()
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Is the data fit?</title><style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{"".join(reader.kept)}</body>\n</html>\n'


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.kept: list[str] = []
        self._inside: list[str] = []
        """Open tags from the outermost one that is dropped with all it holds; empty where text is kept."""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if self._inside:
            self._inside += [tag] if tag not in VOID else []
        elif tag in DROPPED or _about_the_run(values):
            self._inside = [tag]
        elif tag in TAGS:
            kept = "".join(f' {name}="{escape(values[name] or "")}"' for name in ("class", "hidden") if name in values)
            self.kept.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            if tag in self._inside:
                del self._inside[len(self._inside) - 1 - self._inside[::-1].index(tag) :]
        elif tag in TAGS and tag not in VOID:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._inside and data.strip():
            self.kept.append(escape(re.sub(r"\s+", " ", data)))


def _about_the_run(values: dict[str, str | None]) -> bool:
    """Folded blocks hold times and identifiers of the run; cards hold buttons that need scripts."""
    return (values.get("id") or "").endswith("-parent") or "card" in (values.get("class") or "").split()

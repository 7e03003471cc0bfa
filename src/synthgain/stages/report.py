"""Stage ``report``: one HTML page that answers the question, and its figures as files."""

from synthgain import artifact
from synthgain.config import Config
from synthgain.paths import Paths

PAGE = "report.html"
GATE = "gate.json"
CARDS = "cards"
FIGURES = "figures"


def run(cfg: Config, paths: Paths, item: str | None = None) -> None:
    """Write ``report.html``, ``gate.json``, ``cards/*.md|json`` and ``figures/*.svg|png``."""
    from synthgain.report import cards, checklist_page, material, page

    gathered = material.gather(cfg, paths)
    rendered = page.render(gathered)
    with artifact.writing(
        paths.out("report"), stage="report", config=material.shown_config(cfg), inputs=gathered.artifacts
    ) as draft:
        (draft.path / PAGE).write_bytes(rendered.html)
        (draft.path / GATE).write_bytes(artifact.canonical(gathered.gate["utility"]))
        (draft.path / FIGURES).mkdir()
        for name, content in rendered.figures.items():
            (draft.path / FIGURES / name).write_bytes(content)
        (draft.path / CARDS).mkdir()
        (draft.path / CARDS / "checklist.md").write_text(checklist_page.page(gathered))
        for name, card in cards.cards(gathered).items():
            (draft.path / CARDS / f"{name}.json").write_bytes(artifact.canonical(card))
            (draft.path / CARDS / f"{name}.md").write_text(cards.markdown(card))
        draft.counts["figures"] = len(rendered.figures) // 2

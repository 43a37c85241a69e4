"""The page of the lab: one HTML file that asks for nothing else."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from fast_tokenizer.lab.claims import judge_all
from fast_tokenizer.lab.experiment import Experiment
from fast_tokenizer.lab.guide import advise
from fast_tokenizer.lab.overview import overview
from fast_tokenizer.lab.quoting import Figures
from fast_tokenizer.lab.summary import Check, Drawing, Summary, Table


def as_page(summaries: Mapping[Experiment, Summary], profile: str, versions: Mapping[str, Any]) -> str:
    """The page.

    Args:
        summaries: What each experiment found.
        profile: How much was spent on it.
        versions: What it was measured with.
    """
    figures = Figures({one.name: summary for one, summary in summaries.items()})
    style = (files("fast_tokenizer.lab") / "page.css").read_text("utf-8")
    made_with = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Action representations, measured</title><style>{style}</style></head><body>",
        "<h1>Action representations, measured on one footing</h1>",
        f'<p class="quiet">Profile {html.escape(profile)}. Means over seeds, ± half of the 95% interval of '
        f"Student's t distribution. {html.escape(made_with)}.</p>",
        '<nav aria-label="Experiments">',
        *(f'<a href="#{one.name}">{one.name}</a>' for one in summaries),
        "</nav>",
        *([_guide(figures), _claims(figures), _overview(figures)] if profile == "full" else [_NOT_JUDGED]),
        *(_section(experiment, summary) for experiment, summary in summaries.items()),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


_NOT_JUDGED = (
    '<p class="quiet">Nothing is judged here: in the quick profile no head is trained for long enough. '
    "The full one says what is claimed and what was found.</p>"
)


def _guide(figures: Figures) -> str:
    rows = [[one.need, one.choose, one.because] for one in advise(figures)]
    return _words("Which representation?", ["need", "choose", "measured"], rows)


def _claims(figures: Figures) -> str:
    rows = [[one.claim, one.verdict, one.because] for one in judge_all(figures)]
    return _words("What is said, and what was found", ["claim", "", "measured"], rows)


def _overview(figures: Figures) -> str:
    return f"<section><h2>All of them, side by side</h2>{_table(overview(figures))}</section>"


def _words(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    table = _grid(header, rows, kind=' class="text"')
    return f"<section><h2>{title}</h2>{table}</section>"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "", caption: str = "") -> str:
    names = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = "\n".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = f"{caption}<thead><tr>{names}</tr></thead>"
    return f'<div class="wide"><table{kind}>{head}\n<tbody>{lines}</tbody></table></div>'


def _section(experiment: Experiment, summary: Summary) -> str:
    parts = [
        f'<section id="{experiment.name}">',
        f"<h2>{html.escape(experiment.question)}</h2>",
        *(_drawing(one) for one in summary.drawings),
        *(_table(one) for one in summary.tables),
        _checks(summary),
        *(f'<p class="quiet">{html.escape(note)}</p>' for note in summary.notes),
        "</section>",
    ]
    return "\n".join(filter(None, parts))


def _table(table: Table) -> str:
    caption = f"<caption>{html.escape(table.title)}</caption>"
    return _grid([column.name for column in table.columns], table.texts(), caption=caption)


def _checks(summary: Summary) -> str:
    if not summary.checks:
        return ""
    return '<ul class="checks">' + "".join(map(_check, summary.checks)) + "</ul>"


def _check(check: Check) -> str:
    kind, word = ("met", "met") if check.holds else ("missed", "not met")
    return f'<li class="{kind}"><b>{word}</b> {html.escape(check.bar)}: <i>{html.escape(check.got)}</i></li>'


def _drawing(drawing: Drawing) -> str:
    caption = html.escape(drawing.title)
    return (
        f'<figure role="img" aria-label="{caption}">{as_svg(drawing)}<figcaption>{caption}</figcaption></figure>'
    )


def as_svg(drawing: Drawing) -> str:
    """The picture as an element of a page; needs the extra `plot`."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Text stays text, and the same figures give the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": drawing.title, "font.size": 9}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        drawing.draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    return svg[svg.index("<svg") :]

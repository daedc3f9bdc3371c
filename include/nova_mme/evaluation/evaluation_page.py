"""An evaluation as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from nova_mme.evaluation.advice import advise, warn
from nova_mme.evaluation.assessment import Assessment, Figure, Query
from nova_mme.evaluation.effort import PRICED_AS
from nova_mme.evaluation.evaluation_plot import plot_bytes, plot_time
from nova_mme.evaluation.evaluation_table import HEAD, describe_corpus, describe_figures
from nova_mme.migration.agreement import DEPTH
from nova_mme.migration.gate_style import STYLE
from nova_mme.page_table import render_table
from nova_mme.search.request import RESCORING_DIMENSIONS
from nova_mme.search.wording import flatten

# Nothing may be fetched or run, whatever a name may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
header p.choice{font-weight:600}.plots{grid-template-columns:repeat(auto-fit,minmax(20rem,1fr))}
svg .path{fill:none;stroke:var(--fill);stroke-width:1.5}svg .flat{fill:var(--fill)}
svg .hierarchical{fill:var(--waits)}svg .range{stroke:var(--soft);stroke-width:1.5}
svg .told.start{text-anchor:start}svg .told.end{text-anchor:end}
bdi{overflow-wrap:anywhere}td{white-space:nowrap}th[scope=row]{min-width:8rem}
"""
_NAME_CHARACTERS = 200
_TABLES = (
    (
        f"recall@{DEPTH} against the exact 3072d ranking, and times of {{}} searches",
        ("recall@10", "95 %", "overlap", "served", "of its own", "median ms", "p95 ms", "CPU ms"),
    ),
    (
        "What a search reads, and a million cost at the most",
        ("reads", "$ a million", "reads at 10M", "$ at 10M"),
    ),
)
# What the plots tell by shape and colour.
_MARKS = (
    "round: one index; square: a shortlist of the 256d index, scored anew; the bars are intervals of 95 %"
)


def render(assessment: Assessment) -> str:
    """The page."""
    choice, *others = advise(assessment)
    when = datetime.fromtimestamp(assessment.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark"><title>How good searches are</title>',
            f"<style>{STYLE}{_STYLE}</style></head><body><main>",
            f'<header><h1>How good searches are</h1><p class="choice">{_plain(choice)}</p>',
            f"<p>{_plain(describe_corpus(assessment))} {when}.</p></header>",
            *_render_sentences("What each way keeps", others, "choices"),
            *_render_sentences("Before you believe it", warn(assessment), "notes"),
            *_render_plots(assessment),
            *_render_figures(assessment),
            *_render_sweep(assessment),
            *_render_worst(assessment.worst, assessment.figures),
            *_render_method(assessment),
            "</main></body></html>",
        ]
    )


def _render_sentences(title: str, sentences: Sequence[str], kind: str) -> list[str]:
    items = "".join(f"<li>{_plain(sentence)}</li>" for sentence in sentences)
    return [f'<section class="{kind}"><h2>{title}</h2><ul>{items}</ul></section>'] if items else []


def _render_plots(assessment: Assessment) -> list[str]:
    plots = [
        (plot_bytes(assessment), "What a search reads"),
        (plot_time(assessment), f"What it takes, measured at {assessment.endpoint}"),
    ]
    figures = "".join(
        f"<figure>{plot}<figcaption>{_plain(caption)}; {_MARKS}</figcaption></figure>"
        for plot, caption in plots
        if plot
    )
    return [f'<section><h2>recall@{DEPTH}</h2><div class="plots">{figures}</div></section>']


def _render_figures(assessment: Assessment) -> list[str]:
    rows = [(escape(row[0]), *row[1:]) for row in describe_figures(assessment)]
    return [
        "<section>",
        *(
            render_table(
                caption.format(assessment.timed),
                _pick(HEAD, columns),
                [_pick(row, columns) for row in rows],
                range(1, len(columns) + 1),
            )
            for caption, columns in _TABLES
        ),
        "</section>",
    ]


def _pick(cells: Sequence[str], columns: Sequence[str]) -> list[str]:
    return [cells[0], *(cells[HEAD.index(column)] for column in columns)]


def _render_sweep(assessment: Assessment) -> list[str]:
    head = ("shortlist", *(f"scored at {dimension}d" for dimension in RESCORING_DIMENSIONS))
    rows = [
        (f"{length:,}", *(f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})" for mean in means.values()))
        for length, means in assessment.sweep.items()
    ]
    return [
        "<section><h2>How long a shortlist</h2>",
        render_table(f"recall@{DEPTH} of a hierarchical search, by shortlist", head, rows, [1, 2]),
        "</section>",
    ]


def _render_worst(worst: Sequence[Query], figures: Sequence[Figure]) -> list[str]:
    if not worst:
        return []
    names = [figure.name for figure in figures]
    rows = [
        (_plain(_shorten(query.name)), *(f"{query.recalls[name]:.1f}" for name in names)) for query in worst
    ]
    head = ("query", *(escape(name) for name in names))
    return [
        "<section><h2>The queries that lose most</h2>",
        render_table(f"recall@{DEPTH} by way", head, rows, range(1, len(head))),
        "</section>",
    ]


def _render_method(assessment: Assessment) -> list[str]:
    parts = ", ".join(f"{name} {seconds:,.2f} s" for name, seconds in assessment.seconds.items())
    sentences = (
        f"recall@{DEPTH}: the share of the {DEPTH} segments nearest at 3072d that a way finds; what is as near as the "
        "last of them counts too. Interval: 95 %, bootstrap over the queries. Overlap: rank-biased, p = 0.9.",
        "The rankings are exact, computed here from the stored 3072d vectors. “Served” is what the service really "
        "found, against the exact 3072d ranking; “of its own”, against the exact ranking at its own dimension.",
        "“Reads”: the bytes of vectors; keys and filterable metadata come on top in what AWS bills. “$”: a million "
        f"searches, at the most, without the model ({PRICED_AS}). “10M”: an index of ten million vectors.",
        "Times are of one search at a time whose query is embedded already; the first of each kind does not count.",
        f"This took: {parts}.",
    )
    return _render_sentences("How it was measured", sentences, "method")


def _shorten(text: str) -> str:
    return text if len(text) <= _NAME_CHARACTERS else f"{text[:_NAME_CHARACTERS]}…"


def _plain(text: str) -> str:
    """Somebody's text, whose direction of writing stays its own."""
    return f"<bdi>{escape(flatten(text))}</bdi>"

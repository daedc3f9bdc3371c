"""The gate's report: one HTML page that needs nothing else, and the same as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import orjson

from nova_mme.migration.agreement import DEPTH, Comparison
from nova_mme.migration.coverage import Standing
from nova_mme.migration.gate_plot import plot_distribution, plot_recall
from nova_mme.migration.gate_style import STYLE
from nova_mme.migration.norms import MAX_TRUNCATION_ERROR
from nova_mme.migration.verdict import Verdict
from nova_mme.page_table import render_table
from nova_mme.reconcile.finding import Kind
from nova_mme.source import S3Uri
from nova_mme.space import FULL_DIMENSION

_NAMED = 20
_MEANINGS = {
    Standing.PRESENT: "stored in the new space, in a version that is not behind",
    Standing.MISSING: "not stored in the new space",
    Standing.OUTDATED: "stored there in an older version",
    Standing.FAILED: "a dead letter there, though it can be found today",
    Standing.IN_MOTION: "on its way, or changed since the last catch-up",
    Standing.ARRIVING: "on its way into the old space for the first time; not eligible",
    Standing.DEPARTED: "deleted from the bucket; not eligible",
    Standing.OUTSIDE: "not below the source URI; not eligible",
    Standing.UNSEARCHABLE: "has no vectors in the old space either; not eligible",
}
# Nothing may be fetched or run, whatever a name may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write(verdict: Verdict, s3: Any, folder: S3Uri) -> str:
    """Keep ``gate.json`` (all figures) and ``gate.html`` (to read) in a folder; returns the latter's URI."""
    _keep(s3, folder.join("gate.json"), dump(verdict), "application/json")
    page = folder.join("gate.html")
    _keep(s3, page, render(verdict).encode("utf-8", "replace"), "text/html; charset=utf-8")
    return str(page)


def _keep(s3: Any, place: S3Uri, body: bytes, content_type: str) -> None:
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType=content_type)


def dump(verdict: Verdict) -> bytes:
    """All figures as JSON."""
    document = {
        **verdict.summarize(),
        "started": verdict.started,
        "bars": verdict.bars,
        "absences": verdict.coverage.absences,
        "indexes": dict(verdict.tally),
        "findings": verdict.named,
        "norms": {str(dimension): norms for dimension, norms in verdict.norms.items()},
        "comparisons": verdict.agreement.comparisons,
    }
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2)


def render(verdict: Verdict) -> str:
    """The page."""
    state, mark = _tell_state(verdict)
    when = datetime.fromtimestamp(verdict.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta name="color-scheme" content="light dark"><title>{state}: gate before cutover</title>',
            f"<style>{STYLE}</style></head><body><main>",
            f'<header class="{mark}"><h1>Gate before cutover: {state}</h1>',
            f"<p>From {_code(verdict.old)} to {_code(verdict.new)}; {when}, {verdict.seconds:,.0f} s.</p></header>",
            *_render_sentences("Why", verdict.reasons, "reasons"),
            *_render_sentences("Good to know", verdict.notes, "notes"),
            *_render_coverage(verdict),
            *_render_indexes(verdict),
            *_render_norms(verdict),
            *_render_agreement(verdict),
            "</main></body></html>",
        ]
    )


def _tell_state(verdict: Verdict) -> tuple[str, str]:
    if verdict.passed:
        return "passed", "good"
    return ("waiting", "waits") if verdict.in_motion_only else ("failed", "bad")


def _render_sentences(title: str, sentences: Sequence[str], kind: str) -> list[str]:
    if not sentences:
        return []
    items = "".join(f"<li>{_plain(sentence)}</li>" for sentence in sentences)
    return [f'<section class="{kind}"><h2>{title}</h2><ul>{items}</ul></section>']


def _render_coverage(verdict: Verdict) -> list[str]:
    coverage = verdict.coverage
    rows = [
        (standing.replace("_", " "), f"{coverage.tally[standing]:,}", meaning)
        for standing, meaning in _MEANINGS.items()
    ]
    absences = [
        (_code(item.uri), item.standing.value, _plain(f"{item.message} {item.next_step}".strip() or "-"))
        for item in coverage.absences
    ]
    return [
        "<section><h2>Completeness</h2>",
        f"<p><strong>{coverage.present:,} of {coverage.eligible:,}</strong> sources that can be found today can be "
        f"found in the new space ({_percent(coverage.share)}; {_percent(verdict.bars.min_coverage)} needed).</p>",
        render_table("Sources of the old ledger", ("standing", "sources", "meaning"), rows, [1]),
        render_table(
            f"Absent (the first {_NAMED} of each kind)", ("source", "standing", "what to do"), absences
        ),
        "</section>",
    ]


def _render_indexes(verdict: Verdict) -> list[str]:
    count: Counter[str] = Counter(verdict.tally)
    rows = [
        (_code(item.uri), item.kind.value, ", ".join(f"{dimension}d" for dimension in item.dimensions))
        for item in verdict.named
    ]
    return [
        "<section><h2>The four new indexes</h2>",
        f"<p>{count['vectors']:,} vectors of {count['stored']:,} stored sources: {count[Kind.HOLE]:,} sources with "
        f"holes, {count[Kind.STALE]:,} with too many or stale vectors; {count[Kind.ORPHAN]:,} vectors have no row. "
        f"{count['in_motion']:,} sources changed meanwhile and were not judged.</p>",
        render_table(f"At odds (the first {_NAMED} of each kind)", ("source", "kind", "indexes"), rows),
        "</section>",
    ]


def _render_norms(verdict: Verdict) -> list[str]:
    rows = [
        (
            f"{dimension}d",
            f"{norms.vectors:,}",
            f"{norms.max_error:.1e}",
            f"{norms.off:,}",
            "-" if dimension == FULL_DIMENSION else f"{norms.max_truncation_error:.1e}",
            "-" if dimension == FULL_DIMENSION else f"{norms.untrue:,}",
        )
        for dimension, norms in verdict.norms.items()
    ]
    head = ("index", "sampled", "length off by", "over", "truncation off by", "over")
    return [
        "<section><h2>Soundness of the vectors</h2>",
        f"<p>Their length must be 1 within {verdict.bars.max_norm_error:g}, and each number that of the truncated 3072d "
        f"vector within {MAX_TRUNCATION_ERROR:g}.</p>",
        render_table("Largest errors in the sample", head, rows, range(1, len(head))),
        "</section>",
    ]


def _render_agreement(verdict: Verdict) -> list[str]:
    agreement, bars = verdict.agreement, verdict.bars
    if agreement.recall is None or agreement.overlap is None:
        return ["<section><h2>Agreement of the rankings</h2><p>Not judged.</p></section>"]
    inner = agreement.dimension_recall
    values = [(f"{name}d\nof 3072d", value, bars.min_dimension_recall) for name, value in inner.items()]
    values.append(("new space\nof old one", agreement.recall, bars.min_recall))
    rows = [(label.replace("\n", " "), f"{value:.3f}", f"{least:.2f}") for label, value, least in values]
    rows.append(("rank overlap, new and old", f"{agreement.overlap:.3f}", "-"))
    rows.append(("new space of old one, by chance", f"{agreement.by_chance:.3f}", "-"))
    origin = "of the query set" if agreement.given else "drawn from the corpus"
    return [
        "<section><h2>Agreement of the rankings</h2>",
        f"<p>{len(agreement.recalls):,} queries {origin}, among {agreement.sources:,} sources. recall@{DEPTH}: how many "
        f"of the first {DEPTH} results are the same, 0 to 1. Rank overlap: rank-biased overlap, p = 0.9.</p>",
        '<div class="plots">',
        f"<figure>{plot_recall(values)}<figcaption>recall@{DEPTH}, and the line it must reach</figcaption></figure>",
        f"<figure>{plot_distribution(agreement.recalls)}<figcaption>queries by recall@{DEPTH} of the new space "
        "against the old one</figcaption></figure></div>",
        render_table("Means over the queries", ("ranking", f"recall@{DEPTH}", "needed"), rows, [1, 2]),
        f"<h3>The {len(agreement.worst)} queries that agree least</h3>",
        *(_render_query(item, agreement.names) for item in agreement.worst),
        "</section>",
    ]


def _render_query(item: Comparison, names: dict[str, str]) -> str:
    columns = [("old", item.old, set(item.new)), ("new", item.new, set(item.old))]
    lists = "".join(
        f"<div><h4>{title}</h4><ol>{''.join(_render_hit(name, names, shared) for name in found)}</ol></div>"
        for title, found, shared in columns
    )
    return (
        f"<details><summary>{_code(item.name)} <span>recall {item.recall or 0:.2f}, overlap {item.overlap:.2f}</span>"
        f'</summary><div class="lists">{lists}</div></details>'
    )


def _render_hit(name: str, names: dict[str, str], shared: set[str]) -> str:
    told = '<span class="both"> in both</span>' if name in shared else ""
    return f"<li>{_code(names.get(name, name))}{told}</li>"


def _percent(share: float) -> str:
    # 99.99% of a million is a hundred sources too few: it is not rounded up to all.
    return "100%" if share == 1.0 else f"{min(share * 100, 99.99):.2f}%"


def _plain(text: str) -> str:
    return escape(re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text))


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"

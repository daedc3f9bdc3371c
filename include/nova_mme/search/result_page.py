"""Search results as one HTML page that needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from nova_mme.migration.gate_style import STYLE
from nova_mme.search.batch import Reply
from nova_mme.search.grouping import Result, Span
from nova_mme.search.wording import flatten, tell_place
from nova_mme.source import S3Uri

# Sources of each query: of the only one, and of each of many, or a thousand queries make a page that opens nowhere.
_SHOWN_ALONE = 100
_SHOWN_EACH = 10
# Queries that are open when the page is.
_OPEN = 3
# Nothing may be fetched or run, whatever a name may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
summary{padding:.35rem 0}bdi{overflow-wrap:anywhere}ol{padding-left:2.2rem}ol>li{margin:.75rem 0}
.name{font-weight:600}.score{font-variant-numeric:tabular-nums;color:var(--soft)}
.told{color:var(--soft);font-size:.925rem}.problem{color:var(--bad)}blockquote{margin:.25rem 0;padding-left:.75rem;
border-left:.2rem solid var(--line)}
"""


class ResultPage:
    """The page, query by query: what was rendered is kept, the answers are not.

    :param queries: how many there will be.
    """

    def __init__(self, queries: int) -> None:
        self._queries = queries
        self._most = _SHOWN_ALONE if queries == 1 else _SHOWN_EACH
        self._sections: list[str] = []
        self._failed = 0

    def add(self, reply: Reply) -> None:
        """Take one more query with its results, or its problem."""
        self._failed += reply.answer is None
        is_open = " open" if len(self._sections) < _OPEN else ""
        self._sections.append(
            f"<details{is_open}><summary>{reply.number}. {_plain(reply.asked)} <span>{_tell(reply)}</span></summary>"
            f"{_render(reply, self._most)}</details>"
        )

    def render(self) -> str:
        """The page."""
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        failed = f", {self._failed:,} of which could not be searched" if self._failed else ""
        queries = "1 query" if self._queries == 1 else f"{self._queries:,} queries"
        return "\n".join(
            [
                '<!doctype html><html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark"><title>Search results</title>',
                f"<style>{STYLE}{_STYLE}</style></head><body><main>",
                f"<header><h1>Search results</h1><p>{queries}{failed}; {when}.</p></header>",
                '<p class="told">A score is the cosine similarity of the query and a segment, -1 to 1. Scores of '
                "different queries cannot be compared.</p>",
                *self._sections,
                "</main></body></html>",
            ]
        )

    def write(self, s3: Any, folder: S3Uri) -> str:
        """Keep ``results.html`` in a folder; returns its URI."""
        page = folder.join("results.html")
        body = self.render().encode("utf-8", "replace")
        s3.put_object(Bucket=page.bucket, Key=page.key, Body=body, ContentType="text/html; charset=utf-8")
        return str(page)


def _tell(reply: Reply) -> str:
    if reply.answer is None:
        return "not searched"
    count = len(reply.answer.results)
    if not count:
        return "nothing found"
    best = f"best {reply.answer.results[0].score:.3f}"
    return f"1 source, {best}" if count == 1 else f"{count:,} sources, {best}"


def _render(reply: Reply, most: int) -> str:
    answer = reply.answer
    if answer is None:
        return f'<p class="problem">{_plain(reply.problem)}</p>'
    items = "".join(_render_result(result) for result in answer.results[:most])
    notes = [
        f"Space <code>{escape(answer.space)}</code>, {answer.way.strategy} at {answer.way.dimension} dimensions, "
        f"{answer.looked_at:,} segments looked at, {answer.seconds:.2f} s."
    ]
    if len(answer.results) > most:
        notes.append(f"The first {most} are shown; all are in answers.jsonl beside this page.")
    if not answer.results:
        notes.append(
            "Nothing was found. Is anything embedded, and is the condition or the prefix too narrow?"
        )
    elif not answer.is_complete:
        notes.append("There may be more: the search ended before as many were found as were wanted.")
    return f'<p class="told">{" ".join(notes)}</p>' + (f"<ol>{items}</ol>" if items else "")


def _render_result(result: Result) -> str:
    spans = "".join(_render_span(span) for span in result.spans)
    modality = f" <span>{_plain(result.modality)}</span>" if result.modality else ""
    return (
        f'<li><span class="name">{_plain(result.name)}</span> <span class="score">{result.score:.3f}</span>{modality}'
        f"<br><code>{escape(flatten(result.uri))}</code>{spans}</li>"
    )


def _render_span(span: Span) -> str:
    place = tell_place(span)
    told = f"{place}, " if place else ""
    text = f"<blockquote>{_plain(span.snippet)}</blockquote>" if span.snippet else ""
    return f'<div class="told">{told}{_plain(span.embedding_type)} <span class="score">{span.score:.3f}</span></div>{text}'


def _plain(text: str) -> str:
    """Somebody's text, whose direction of writing stays its own."""
    return f"<bdi>{escape(flatten(text))}</bdi>"

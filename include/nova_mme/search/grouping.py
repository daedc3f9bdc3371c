"""Hits put together by source: its best segment first, and neighbours joined into one span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_mme.search.retrieval import Hit
from nova_mme.search.snippet import cut_snippet
from nova_mme.vector_key import VectorKey

# A neighbour belongs to a span when its score is at least this share of the span's best one: without a bar, a
# recording all of whose segments were looked at would be found as a whole.
NEIGHBOUR_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a source: neighbouring segments of one embedding type.

    :ivar key: of its best segment; ``score`` and ``distance`` are that one's.
    :ivar first, last: the segments' indexes, both included.
    :ivar start_seconds, end_seconds: of audio and video; ``start_character``, ``end_character`` (exclusive): of
        text; ``first_page``, ``last_page``: of a PDF, from 1. None where it does not apply.
    :ivar text: what the segments say, as far as it was stored (16 KiB of each); empty for other than text.
    :ivar snippet: the part of the best segment's text to show, in one line.
    """

    key: str
    score: float
    distance: float
    embedding_type: str
    first: int
    last: int
    start_seconds: float | None = None
    end_seconds: float | None = None
    start_character: int | None = None
    end_character: int | None = None
    first_page: int | None = None
    last_page: int | None = None
    text: str = ""
    snippet: str = ""

    def place(self) -> dict[str, int | float]:
        """Where in the source it is: those of the numbers that apply."""
        names = (
            "start_seconds",
            "end_seconds",
            "start_character",
            "end_character",
            "first_page",
            "last_page",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def as_document(self) -> dict[str, Any]:
        """The span for JSON; what does not apply is left out."""
        document = {
            "key": self.key,
            "score": self.score,
            "distance": self.distance,
            "embedding_type": self.embedding_type,
            "segments": [self.first, self.last],
            **self.place(),
        }
        return document | ({"text": self.text, "snippet": self.snippet} if self.text else {})


@dataclass(frozen=True, slots=True)
class Result:
    """A source that was found.

    :ivar spans: best first; at least one.
    :ivar metadata: of its best segment, as it is stored.
    """

    object_id: str
    spans: tuple[Span, ...]
    metadata: Mapping[str, Any]

    @property
    def best(self) -> Span:
        """Its best span."""
        return self.spans[0]

    @property
    def score(self) -> float:
        """Cosine similarity of its best segment, -1 to 1."""
        return self.best.score

    @property
    def uri(self) -> str:
        """The source; empty for vectors that do not tell."""
        return str(self.metadata.get("sourceS3Uri", ""))

    @property
    def name(self) -> str:
        """The file name."""
        return str(self.metadata.get("fileName", "")) or self.uri.rsplit("/", 1)[-1]

    @property
    def modality(self) -> str:
        """The source's modality; empty for vectors that do not tell."""
        return str(self.metadata.get("modalityType", ""))

    def as_document(self) -> dict[str, Any]:
        """The result for JSON."""
        told = {
            "file_type": "fileType",
            "content_type": "contentType",
            "size": "fileSize",
            "uploaded": "uploadTimestamp",
            "processed": "processingTimestamp",
            "recipe": "recipe",
            "etag": "etag",
        }
        return {
            "id": self.object_id,
            "uri": self.uri,
            "name": self.name,
            "modality": self.modality,
            "score": self.score,
            "distance": self.best.distance,
            "spans": [span.as_document() for span in self.spans],
            **{name: self.metadata[key] for name, key in told.items() if key in self.metadata},
        }


def group(hits: Iterable[Hit], *, top_k: int, per_source: int, words: str = "") -> list[Result]:
    """The first ``top_k`` sources of hits.

    :param hits: best first; those whose keys are not of our form are passed over.
    :param per_source: the most spans of one source.
    :param words: the query, for the snippets.
    """
    sources: dict[str, dict[VectorKey, Hit]] = {}
    for hit in hits:
        if key := VectorKey.parse(hit.key):
            sources.setdefault(key.object_id, {})[key] = hit
    first = list(sources.items())[:top_k]
    return [
        Result(name, _make_spans(segments, per_source, words), next(iter(segments.values())).metadata)
        for name, segments in first
    ]


def _make_spans(segments: Mapping[VectorKey, Hit], most: int, words: str) -> tuple[Span, ...]:
    left, spans = dict(segments), list[Span]()
    while left and len(spans) < most:
        best = next(iter(left))
        first, last = (_reach(left, best, step) for step in (-1, 1))
        joined = [left.pop(best._replace(segment=number)) for number in range(first, last + 1)]
        spans.append(_make_span(best, segments[best], joined, first, words))
    return tuple(spans)


def _reach(left: Mapping[VectorKey, Hit], best: VectorKey, step: int) -> int:
    """How far a span reaches to one side."""
    bar = left[best].score * NEIGHBOUR_SHARE
    key = best
    while (beside := left.get(key._replace(segment=key.segment + step))) and beside.score >= bar:
        key = key._replace(segment=key.segment + step)
    return key.segment


def _make_span(best: VectorKey, hit: Hit, joined: Sequence[Hit], first: int, words: str) -> Span:
    begin, end = joined[0].metadata, joined[-1].metadata
    return Span(
        hit.key,
        hit.score,
        hit.distance,
        best.embedding_type,
        first,
        first + len(joined) - 1,
        start_seconds=begin.get("segmentStartSeconds"),
        end_seconds=end.get("segmentEndSeconds"),
        start_character=_whole(begin.get("segmentStartCharPosition")),
        end_character=_whole(end.get("segmentEndCharPosition")),
        first_page=_whole(begin.get("pageNumber")),
        last_page=_whole(end.get("pageNumber")),
        text=_join_texts([segment.metadata for segment in joined]),
        snippet=cut_snippet(str(hit.metadata.get("text", "")), words),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _join_texts(segments: Sequence[Mapping[str, Any]]) -> str:
    """One text; where a segment's was stored in part only, an ellipsis stands for the rest."""
    parts = []
    for number, segment in enumerate(segments, 1):
        text = str(segment.get("text", ""))
        length = segment.get("segmentEndCharPosition", 0) - segment.get("segmentStartCharPosition", 0)
        is_whole = len(text) >= length or number == len(segments)
        parts.append(text if is_whole else f"{text} … ")
    return "".join(parts)

"""Grouping: sources by their best segment, neighbours as one span, and the snippet that shows why."""

from __future__ import annotations

from typing import Any

import pytest
from core.library import describe

from nova_mme.search.grouping import Result, group
from nova_mme.search.retrieval import Hit
from nova_mme.search.snippet import LENGTH, cut_snippet


def _hit(
    score: float, uri: str = "s3://media/clip.mp4", index: int = 0, kind: str = "VIDEO", **extra: Any
) -> Hit:
    document = describe(uri, index, kind, **extra)
    return Hit(document.pop("key"), score, document, 1 - score)


def _group(*hits: Hit, top_k: int = 10, per_source: int = 3, words: str = "") -> list[Result]:
    ranked = sorted(hits, key=lambda hit: -hit.score)
    return group(ranked, top_k=top_k, per_source=per_source, words=words)


def _spans(result: Result) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in result.spans]


def test_sources_come_by_their_best_segment() -> None:
    """As many as are wanted, each once."""
    hits = [
        _hit(0.5, "s3://m/a.mp4"),
        _hit(0.4, "s3://m/b.mp4"),
        _hit(0.9, "s3://m/b.mp4", 7),
        _hit(0.1, "s3://m/c.mp4"),
    ]

    results = _group(*hits, top_k=2)

    assert [(result.uri, result.score, result.name) for result in results] == [
        ("s3://m/b.mp4", 0.9, "b.mp4"),
        ("s3://m/a.mp4", 0.5, "a.mp4"),
    ]


def test_neighbours_are_one_span() -> None:
    """It reaches from the first one's start to the last one's end, and has the best one's score and key."""
    (result,) = _group(_hit(0.80, index=4), _hit(0.82, index=5), _hit(0.78, index=6), _hit(0.79, index=9))

    best = result.best
    assert _spans(result) == [(4, 6), (9, 9)]
    assert (best.start_seconds, best.end_seconds, best.score) == (20.0, 35.0, 0.82)
    assert best.key == describe(index=5)["key"]


def test_a_far_worse_neighbour_is_a_span_of_its_own() -> None:
    """Below nine tenths of the best score: or a whole recording would be one span."""
    (result,) = _group(_hit(0.80, index=1), _hit(0.73, index=2), _hit(0.71, index=3))

    assert _spans(result) == [(1, 2), (3, 3)]


def test_sound_and_picture_are_not_joined() -> None:
    """Segments of two embedding types are no neighbours."""
    (result,) = _group(_hit(0.8, index=1), _hit(0.79, index=2, kind="AUDIO"))

    assert [(span.embedding_type, span.first) for span in result.spans] == [("VIDEO", 1), ("AUDIO", 2)]


def test_a_source_has_at_most_so_many_spans() -> None:
    """The best ones."""
    hits = [_hit(0.5 + index / 100, index=index) for index in (1, 3, 5, 7)]

    assert _spans(_group(*hits, per_source=2)[0]) == [(7, 7), (5, 5)]


def test_pages_and_characters_are_told() -> None:
    """Of a PDF the pages, of a text the characters and what they say, joined."""
    pages = [_hit(0.8, "s3://m/a.pdf", number, "IMAGE", pageNumber=float(number + 1)) for number in (2, 3)]
    texts = [
        _hit(
            0.7, "s3://m/a.txt", 0, "TEXT", segmentStartCharPosition=0, segmentEndCharPosition=5, text="Cats "
        ),
        _hit(
            0.71, "s3://m/a.txt", 1, "TEXT", segmentStartCharPosition=5, segmentEndCharPosition=9, text="purr"
        ),
    ]

    pdf, text = _group(*pages, *texts)

    assert pdf.best.place() == {"first_page": 3, "last_page": 4}
    assert text.best.place() == {"start_character": 0, "end_character": 9}
    assert (text.best.text, text.best.snippet) == ("Cats purr", "purr")


def test_a_text_that_was_stored_in_part_shows_where() -> None:
    """The join is not made up."""
    hits = [
        _hit(
            0.7, "s3://m/a.txt", 0, "TEXT", segmentStartCharPosition=0, segmentEndCharPosition=50, text="Cats"
        ),
        _hit(
            0.7,
            "s3://m/a.txt",
            1,
            "TEXT",
            segmentStartCharPosition=50,
            segmentEndCharPosition=54,
            text="purr",
        ),
    ]

    assert _group(*hits)[0].best.text == "Cats … purr"


def test_the_snippet_is_about_the_query() -> None:
    """Its words are looked for in the best segment's text."""
    text = "Nothing here. " * 50 + "Cats purr."

    (result,) = _group(_hit(0.7, "s3://m/a.txt", 0, "TEXT", text=text), words="cats")

    assert result.best.snippet.endswith("Cats purr.")


def test_a_result_is_json_without_what_does_not_apply() -> None:
    """No nulls: a picture has neither seconds nor text."""
    (result,) = _group(_hit(0.5, "s3://m/a.png", 0, "IMAGE"))

    document = result.as_document()
    key = describe("s3://m/a.png", 0, "IMAGE")["key"]
    assert document["spans"] == [
        {"key": key, "score": 0.5, "distance": 0.5, "embedding_type": "IMAGE", "segments": [0, 0]}
    ]
    assert (document["uri"], document["modality"], document["uploaded"]) == (
        "s3://m/a.png",
        "image",
        1_700_000_000,
    )


def test_a_short_text_is_its_own_snippet() -> None:
    """In one line."""
    assert cut_snippet("All  cats\nare grey.") == "All cats are grey."


def test_a_snippet_shows_the_words_that_were_looked_for() -> None:
    """Where most of them are, whatever their case, with ellipses for the rest."""
    text = (
        "Nothing here. " * 50
        + "Coffee first. "
        + "Nothing here. " * 50
        + "Roasted COFFEE beans. "
        + "No more. " * 50
    )

    snippet = cut_snippet(text, "coffee from roasted beans")

    assert "Roasted COFFEE beans" in snippet
    assert (snippet[0], snippet[-1]) == ("…", "…")
    assert len(snippet) <= LENGTH


@pytest.mark.parametrize("words", ["", "of the", "unheard"])
def test_without_a_word_to_show_the_beginning_is_shown(words: str) -> None:
    """A picture's query has none."""
    assert cut_snippet("Once upon a time. " * 100, words).startswith("Once upon a time.")


@pytest.mark.parametrize(
    "text", ["x" * 1000, "İ" * 500 + " needle " + "ß" * 500, "needle " * 200, "a " * 500 + "needle"]
)
def test_a_snippet_never_is_too_long(text: str) -> None:
    """Nor empty: long words, letters that grow in lower case, a word at the very end."""
    snippet = cut_snippet(text, "needle")

    assert 0 < len(snippet) <= LENGTH
    assert ("needle" in snippet) == ("needle" in text)

"""Texts: what is read, where they are cut, and which of them are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.projection import take_prefix
from nova_mme_local.embedder.refusals import TooLong, Undecodable
from nova_mme_local.embedder.segments import CONTEXT_CHARACTERS, cut_text, fit_context, read_text, split_text
from nova_mme_local.embedder.words import split_name, weigh_words

TOPICS = {
    "finance": (
        "The central bank raised its interest rate to fight inflation.",
        "Inflation slows; banks expect interest rates to fall.",
        "Interest rates and inflation worry every bank.",
    ),
    "baking": (
        "Knead the bread dough and bake it in a hot oven.",
        "An oven that is too hot burns the crust of the bread.",
        "Baking bread takes flour, yeast and a warm oven.",
    ),
    "sport": (
        "The striker scored twice and won the football match.",
        "Both goals of the match were scored by the striker.",
        "A football match without goals: the strikers failed to score.",
    ),
}


@pytest.mark.parametrize("dimension", [256, 3072])
def test_the_nearest_text_shares_the_topic(dimension: int) -> None:
    """Each text's nearest neighbour is one of its own topic."""
    topics = [topic for topic, texts in TOPICS.items() for _ in texts]
    vectors = [Embedder("nova-1").embed_text(text) for texts in TOPICS.values() for text in texts]
    matrix = np.stack([take_prefix(vector, dimension) for vector in vectors])
    likeness = matrix @ matrix.T
    np.fill_diagonal(likeness, -1)
    assert [topics[nearest] for nearest in likeness.argmax(1)] == topics


@pytest.mark.parametrize("text", ["", "...", "to be or not to be", "日本語の文章", "\N{ROCKET}", "x" * 5000])
def test_every_text_has_a_direction(text: str) -> None:
    """No text, however odd, gives a zero vector, which a cosine index would refuse."""
    assert np.linalg.norm(Embedder("nova-1").embed_text(text)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rockets!", "rocket"),
        ("kites", "a kite"),
        ("galaxies", "galaxy"),
        ("glasses", "glass"),
        ("京都の寺", "東京"),
    ],
)
def test_word_forms_meet(one: str, other: str) -> None:
    """Plurals share their word with the singular; scripts without spaces share their characters."""
    shared = set(weigh_words(one)) & set(weigh_words(other))
    assert any(name.startswith("w:") or len(name) == 3 for name in shared)


def test_words_of_a_file_name() -> None:
    """Words come from the name alone: no folder, no extension, no numbers."""
    assert split_name("s3://bucket/folder/Red_sportsCar-2024 v2.final.JPG") == "Red sports Car final"
    assert split_name("photos/0012.png") == ""


@given(st.text(alphabet="ab \n\tñ漢", max_size=300), st.integers(1, 40))
def test_pieces_join_to_the_text(text: str, length: int) -> None:
    """Pieces are never too long nor empty, follow one another without a gap, and lose no character."""
    pieces = [text[start:end] for start, end in split_text(text, length)]
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= length for piece in pieces)


def test_a_piece_ends_at_a_word_when_it_can() -> None:
    """The cut falls after white space; a word longer than a piece is cut in the middle."""
    assert list(split_text("one two three", 6)) == [(0, 4), (4, 8), (8, 13)]
    assert list(split_text("incomprehensible", 10)) == [(0, 10), (10, 16)]


def test_truncation_keeps_the_end_that_the_mode_names() -> None:
    """END cuts the end off, START the beginning, NONE refuses; what fits is left alone."""
    long = "a" * CONTEXT_CHARACTERS + "b"
    assert fit_context(long, "END") == (long[:-1], CONTEXT_CHARACTERS)
    assert fit_context(long, "START") == (long[1:], CONTEXT_CHARACTERS)
    assert fit_context("short", "NONE") == ("short", 0)
    with pytest.raises(TooLong, match="truncationMode is NONE"):
        fit_context(long, "NONE")


def test_a_segment_that_does_not_fit_fails_alone() -> None:
    """With truncationMode NONE, the long segment has no vector and says why; the short one has its vector."""
    text = "x" * (CONTEXT_CHARACTERS + 1) + " " + "short"
    first, second = cut_text(text, length=CONTEXT_CHARACTERS + 2, mode="NONE", embedder=Embedder("nova-1"))
    assert first.vector is None
    assert "NONE" in first.problem
    assert second.vector is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_are_read(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without a mark and UTF-16 with one give the same characters, line ends untouched."""
    path = tmp_path / "text"
    path.write_bytes("Grüße\r\naus Köln".encode(encoding))
    assert read_text(path, longest=100) == "Grüße\r\naus Köln"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"\xff\xfe\xfd\x00\x80", Undecodable, "not UTF-8"),
        (b"caf\xe9", Undecodable, "not UTF-8"),
        (b" \n\t ", Undecodable, "empty"),
        (b"12345678901", TooLong, "more than 10 characters"),
    ],
)
def test_texts_that_are_refused(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    """Other encodings, nothing but white space, and too much of it are refused with a sentence."""
    path = tmp_path / "text"
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_text(path, longest=10)

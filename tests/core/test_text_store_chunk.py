"""Chunks of a text: bounded, with their places, cut where a reader would pause."""

from __future__ import annotations

import random

import pytest

from nova_mme.errors import BadSetting
from nova_mme.text_store.chunk import Chunk, Cutting, cut


def _texts(text: str, characters: int = 100, overlap: int = 0) -> list[str]:
    return [chunk.text for chunk in cut(text, Cutting(characters, overlap))]


def test_a_short_text_is_one_chunk() -> None:
    """Without the white space round it, at its place."""
    assert list(cut("\n\n  All cats are grey. \n", Cutting())) == [Chunk(0, 4, 22, "All cats are grey.")]


@pytest.mark.parametrize("text", ["", " \n\t\r\n \u3000"])
def test_a_blank_text_has_no_chunks(text: str) -> None:
    """Nothing is embedded of nothing."""
    assert list(cut(text, Cutting())) == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "a" * 60 + ".\n\n" + "b" * 20 + ". " + "c" * 60,
            "a" * 60 + ".",
        ),  # a paragraph, before a later sentence
        ("a" * 60 + ".\r\n \r\n" + "b" * 10 + ". " + "c" * 60, "a" * 60 + "."),
        ("a" * 60 + '." ' + "b" * 20 + "\n" + "c" * 60, "a" * 60 + '."'),  # a sentence, before a later line
        ("猫" * 60 + "。" + "雨" * 60, "猫" * 60 + "。"),  # no white space needed
        ("a" * 60 + "\n" + "b" * 20 + " " + "c" * 60, "a" * 60),  # a line, before a later word
        ("a" * 60 + " " + "b" * 60, "a" * 60),  # a word
        ("a" * 150, "a" * 100),  # nothing to cut at
        ("e\u0301" * 49 + "xe\u0301" + "y" * 50, "e\u0301" * 49 + "x"),  # an accent stays with its letter
        (
            "a" * 60 + " " + "b" * 38 + ". " + "c" * 60,
            "a" * 60 + " " + "b" * 38 + ".",
        ),  # at the very end of what fits
    ],
)
def test_where_a_chunk_ends(text: str, first: str) -> None:
    """At the best place in the second half of what fits."""
    assert _texts(text)[0] == first


def test_an_overlap_begins_with_a_sentence() -> None:
    """The next chunk repeats whole sentences of the last one, if one begins where it may."""
    text = (
        "This sentence is only here to fill up all of the space. Then comes another. Tea? "
        + "And it goes on. " * 4
    )

    first, second, *_ = _texts(text, 100, 39)

    assert first.endswith("Then comes another. Tea? And it goes on.")
    assert second.startswith("Tea? And it goes on. And it")


def test_an_overlap_begins_with_a_word_else() -> None:
    """Never in the middle of one."""
    words = [f"word{number}" for number in range(60)]

    chunks = _texts(" ".join(words), 100, 30)

    assert all(chunk.split()[0] in words and chunk.split()[-1] in words for chunk in chunks)
    assert all(one.split()[-1] in other.split() for one, other in zip(chunks, chunks[1:], strict=False))


_ALPHABET = [
    *"ab é猫。.!?…\"'",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n\r\n",
    "\t",
    " " * 130,
    "word ",
    "x" * 40,
    "e\u0301",
]


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_whatever_the_text(seed: int) -> None:
    """Each chunk is what is at its place, within bounds; ends go forward; all but white space is in a chunk."""
    dice = random.Random(seed)
    text = "".join(dice.choices(_ALPHABET, k=dice.randrange(1200)))
    cutting = Cutting(dice.choice([100, 101, 257, 8192]), dice.choice([0, 1, 25, 49]))

    chunks = list(cut(text, cutting))

    covered = set[int]()
    for number, chunk in enumerate(chunks):
        assert (chunk.index, chunk.text) == (number, text[chunk.start : chunk.end])
        assert 0 < len(chunk.text) <= cutting.characters
        assert chunk.text == chunk.text.strip()
        covered.update(range(chunk.start, chunk.end))
    assert all(
        one.start < two.start < two.end > one.end for one, two in zip(chunks, chunks[1:], strict=False)
    )
    assert all(one.end - two.start <= cutting.overlap for one, two in zip(chunks, chunks[1:], strict=False))
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)


def test_the_same_text_is_cut_the_same() -> None:
    """Or what is stored would not be found again."""
    text = "One. Two three.\n\nFour " * 100

    assert list(cut(text, Cutting(150, 15))) == list(cut(text, Cutting(150, 15)))


def test_another_cutting_has_another_fingerprint() -> None:
    """Chunks tell by it how they were cut."""
    made = {Cutting(*sizes).fingerprint for sizes in [(200, 0), (200, 20), (400, 20)]}

    assert len(made) == 3


@pytest.mark.parametrize(
    ("characters", "overlap", "message"),
    [
        (99, 0, "A chunk of 99 characters is outside 100 to 8,192"),
        (8193, 0, "outside 100 to 8,192"),
        (200, 100, "An overlap of 100 characters is too much for chunks of 200; it can be 0 to 99"),
        (200, -1, "it can be 0 to 99"),
    ],
)
def test_cuttings_that_cannot_be(characters: int, overlap: int, message: str) -> None:
    """With the bounds."""
    with pytest.raises(BadSetting, match=message):
        Cutting(characters, overlap)

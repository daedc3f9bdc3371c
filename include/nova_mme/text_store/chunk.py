"""Cuts a text into chunks of a bounded length: at paragraphs where it can, else at sentences, lines or words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from nova_mme.errors import BadSetting
from nova_mme.nova import QUERY_CHARACTERS

DEFAULT_CHARACTERS = 1500
MIN_CHARACTERS = 100
# A chunk goes to the model inside its request, as a query does.
MAX_CHARACTERS = QUERY_CHARACTERS

# Raised by hand when the same text is cut in another way: what is stored is then made anew.
_VERSION = 1

# Where a chunk may end, the best first. Each stands before the white space that follows.
_ENDS = (
    re.compile(r"(?=\r?\n[ \t]*\r?\n)"),  # a paragraph
    re.compile(r"[.!?…][\"'”’)\]]*(?=\s)|[。！？][」』”’]*"),  # a sentence
    re.compile(r"(?=\r?\n)"),  # a line
    re.compile(r"(?=\s)"),  # a word
)
# Where the overlap may begin: a sentence, else a word.
_BEGINS = (re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*"), re.compile(r"\s+"))
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Cutting:
    """How texts are cut.

    :ivar characters: the longest chunk, 100 to 8,192 (the most that Nova takes inside a request).
    :ivar overlap: how much of a chunk's end the next one repeats at the most: 0 to less than half of a chunk.
    """

    characters: int = DEFAULT_CHARACTERS
    overlap: int = DEFAULT_CHARACTERS // 10

    def __post_init__(self) -> None:
        if not MIN_CHARACTERS <= self.characters <= MAX_CHARACTERS:
            raise BadSetting(
                f"A chunk of {self.characters:,} characters is outside {MIN_CHARACTERS} to {MAX_CHARACTERS:,}."
            )
        if not 0 <= self.overlap < self.characters // 2:
            raise BadSetting(
                f"An overlap of {self.overlap:,} characters is too much for chunks of {self.characters:,}; it can be "
                f"0 to {self.characters // 2 - 1:,}."
            )

    @property
    def fingerprint(self) -> str:
        """What a chunk's ``recipe`` says: equal for equal cutting."""
        return f"chunk-v{_VERSION}-{self.characters}-{self.overlap}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a text: ``text[start:end]``, without white space round it."""

    index: int
    start: int
    end: int
    text: str


def cut(text: str, cutting: Cutting) -> Iterator[Chunk]:
    """The chunks of a text, in order; none of a blank one.

    Every character but white space is in a chunk, none is longer than it may be, and both ends go forward from chunk
    to chunk. A chunk is at least half as long as it may be, but for the last one.
    """
    start, index = _skip_space(text, 0), 0
    while start < len(text):
        end = start + len(text[start : _find_end(text, start, cutting.characters)].rstrip())
        yield Chunk(index, start, end, text[start:end])
        start, index = _find_next(text, end, cutting), index + 1


def _find_end(text: str, start: int, characters: int) -> int:
    most = start + characters
    if len(text) <= most:
        return len(text)
    least = start + characters // 2
    for pattern in _ENDS:
        # One character more: what an end stands before has to be seen.
        ends = (match.end() for match in pattern.finditer(text, least, most + 1))
        if fitting := [end for end in ends if least < end <= most]:
            return fitting[-1]
    while most > least + 1 and unicodedata.combining(text[most]):  # an accent stays with its letter
        most -= 1
    return most


def _find_next(text: str, end: int, cutting: Cutting) -> int:
    """Where the next chunk begins: a little before the end of the last one, at a sentence or a word."""
    fresh = _skip_space(text, end)
    back = end - cutting.overlap
    # Over a long gap there is no overlap: the chunk would not get past it.
    if fresh == len(text) or not cutting.overlap or fresh - back >= cutting.characters // 2:
        return fresh
    for pattern in _BEGINS:
        # From the character before: what follows white space there begins something.
        match = pattern.search(text, back - 1, end)
        if match and match.end() < end:
            return _skip_space(text, max(match.end(), back))
    return fresh


def _skip_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start

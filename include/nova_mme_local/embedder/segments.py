"""Cuts texts and pictures into segments as Nova does, and embeds each; segments come one by one."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.picture import load_picture
from nova_mme_local.embedder.projection import Vector
from nova_mme_local.embedder.refusals import TooLong, Undecodable

# Nova reads 8,172 tokens of a text; the stand-in counts four characters to a token.
CONTEXT_TOKENS = 8172
CHARACTERS_PER_TOKEN = 4
CONTEXT_CHARACTERS = CONTEXT_TOKENS * CHARACTERS_PER_TOKEN


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One embedding to be.

    :ivar kind: the response's embeddingType: TEXT, IMAGE, VIDEO, AUDIO or AUDIO_VIDEO_COMBINED.
    :ivar vector: 3072-d float64 unit vector; None when the segment failed, for the reason in `problem`.
    :ivar metadata: segmentMetadata as it stands in the output file.
    """

    kind: str
    vector: Vector | None
    metadata: Mapping[str, int | float]
    problem: str = ""

    def require_vector(self) -> Vector:
        """Return the vector; ValueError for a segment that failed."""
        if self.vector is None:
            raise ValueError(f"The segment has no vector: {self.problem}")
        return self.vector


def read_text(path: Path, *, longest: int) -> str:
    """Read a text file of UTF-8, or of UTF-16 with a byte order mark; line ends stay as they are.

    :param longest: characters that are accepted.
    :raises Undecodable: another encoding, or nothing but white space.
    :raises TooLong: more than `longest` characters.
    """
    with path.open("rb") as file:
        mark = file.read(3)
    wide = mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        with path.open(encoding="utf-16" if wide else "utf-8-sig", newline="") as file:
            text = file.read(longest + 1)
    except UnicodeError as error:
        raise Undecodable(f"The content is not UTF-8 text: {error}") from error
    if len(text) > longest:
        raise TooLong(f"The text has more than {longest:,} characters")
    if not text.strip():
        raise Undecodable("The text is empty")
    return text


def split_text(text: str, length: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of pieces of at most `length` characters that join to the whole text.

    Pieces end after white space where there is some, inside a word where there is none.
    """
    start = 0
    while len(text) - start > length:
        end = start + length
        cut = next((place for place in range(end, start, -1) if text[place - 1].isspace()), end)
        yield start, cut
        start = cut
    if start < len(text):
        yield start, len(text)


def fit_context(text: str, mode: str) -> tuple[str, int]:
    """Cut a text to what the model reads: (text, truncatedCharLength), the latter 0 when nothing was cut.

    :param mode: truncationMode: END cuts the end off, START the beginning, NONE refuses.
    :raises TooLong: mode NONE and too long.
    """
    if len(text) <= CONTEXT_CHARACTERS:
        return text, 0
    if mode == "NONE":
        raise TooLong(
            f"The text has {len(text):,} characters, more than the model reads ({CONTEXT_TOKENS:,} tokens), "
            "and truncationMode is NONE"
        )
    fitted = text[:CONTEXT_CHARACTERS] if mode == "END" else text[-CONTEXT_CHARACTERS:]
    return fitted, CONTEXT_CHARACTERS


def cut_text(text: str, *, length: int, mode: str, embedder: Embedder) -> Iterator[Segment]:
    """Yield the segments of a text; one that is too long for truncationMode NONE has no vector."""
    for index, (start, end) in enumerate(split_text(text, length)):
        place = {"segmentStartCharPosition": start, "segmentEndCharPosition": end}  # the end is exclusive
        try:
            fitted, cut = fit_context(text[start:end], mode)
        except TooLong as error:
            yield Segment("TEXT", None, {"segmentIndex": index, **place}, str(error))
            continue
        vector = embedder.embed_text(fitted)
        yield Segment("TEXT", vector, {"segmentIndex": index, "truncatedCharLength": cut, **place})


def cut_picture(path: Path, media_format: str, *, embedder: Embedder) -> Iterator[Segment]:
    """Yield the one segment of an image file; Undecodable when it is none."""
    yield Segment("IMAGE", embedder.embed_picture(load_picture(path, media_format)), {"segmentIndex": 0})

"""Texts: any language in UTF-8 passes, whatever it begins like; what is no text is named for what it is."""

from __future__ import annotations

import codecs

import pytest
from core.memory_s3 import MemoryS3

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import HEAD_BYTES
from nova_mme.recipe import Recipe


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, 日本語 und ☕.\n".encode(),
        codecs.BOM_UTF8 + "Grüße".encode(),
        "Grüße".encode("utf-16"),
        codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"),
        "一丁七丄万丈三上下丌不与丏丐".encode("utf-16"),
        b"x" * (HEAD_BYTES - 1) + "ü".encode() + b"y" * 99,
        b"\x1b]0;title\x07\t\r\n\x1b[1mbold\x1b[0m",
        b"Written with an old editor.\r\n\x1a",
        b"name\x1fage\x1eAda\x1f36\x1eAlan\x1f41\x1c",
        b"8=FIX.4.2\x0135=A\x0149=SENDER\x0156=TARGET\x01" + b"a longer field to follow it" * 9,
    ],
    ids=[
        "utf-8",
        "mark",
        "utf-16",
        "utf-16-be",
        "Chinese utf-16",
        "cut in a character",
        "terminal",
        "^Z",
        "separators",
        "FIX",
    ],
)
def test_text_is_text(text: bytes) -> None:
    """UTF-8, or UTF-16 with its mark; the control characters that texts do have are none of a binary file's."""
    assert MemoryS3.of(text).inspect("a.txt").media_format == "text"


@pytest.mark.parametrize(
    "text",
    [
        b"BMW is a maker of cars.",
        b"MZ is the beginning of a program.",
        b"ID3 is an algorithm that grows trees.",
        b"GIF89a is a format.",
        b"SQLite is small.",
        b"OggS marks a page.",
        b"%PDF is how it begins.",
        b"8BPS,a,b\n1,2,3\n",
    ],
    ids=lambda text: text.split()[0].decode(),
)
def test_text_that_begins_like_a_signature_is_text(text: bytes) -> None:
    """Many signatures are two letters long: what is readable to its end is no picture and no program."""
    assert MemoryS3.of(text + b" And it goes on like this. " * 9).reason("a.txt") is None


@pytest.mark.parametrize(
    ("body", "held"),
    [
        (
            "Die Straße ist naß.".encode("latin-1"),
            "text that is not UTF-8 (byte 0xDF at 8: perhaps Latin-1); save it as UTF-8",
        ),
        ("Größe".encode("utf-16-le") * 9, "text in UTF-16 without a byte order mark; save it as UTF-8"),
        ("plain".encode("utf-16-be"), "text in UTF-16 without a byte order mark; save it as UTF-8"),
        ("Größe".encode("utf-32"), "text in UTF-32; save it as UTF-8"),
        (codecs.BOM_UTF32_BE + "Größe".encode("utf-32-be"), "text in UTF-32; save it as UTF-8"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8" * 9, "broken UTF-16; save it as UTF-8"),
        (b"one\x00zero", "binary data"),
        (bytes(range(1, 32)) * 9, "binary data"),
        (bytes(range(128, 256)), "binary data"),
        (b"%PDF-1.4\n1 0 obj << >> endobj", "a PDF document"),
        (rb"{\rtf1\ansi Text.}", "an RTF document"),
        (b"%!PS-Adobe-3.0\nshowpage", "a PostScript document"),
        (
            b"Das Ende fehl\xc3",
            "text that is not UTF-8 (byte 0xC3 at 13: perhaps Latin-1); save it as UTF-8",
        ),
    ],
)
def test_what_is_no_text_is_named(body: bytes, held: str) -> None:
    """With the encoding that it seems to have, and what to do."""
    bad = MemoryS3.of(body).refusal("a.txt")

    assert bad
    assert (bad.reason, bad.message) == (Reason.WRONG_CONTENT, f"Named as text, but it holds {held}.")


@pytest.mark.parametrize(
    "body", [b" ", b"\r\n\t \x0c\n" * 99, codecs.BOM_UTF8, "\u2003\u00a0\n".encode("utf-16")]
)
def test_white_space_alone_is_empty(body: bytes) -> None:
    """Whatever white space, with and without a mark."""
    bad = MemoryS3.of(body).refusal("a.txt")

    assert bad
    assert bad.reason is Reason.EMPTY
    assert bad.message == f"The text has nothing but white space in its {len(body):,} bytes."


def test_a_large_text_of_white_space_is_read_to_its_first_word() -> None:
    """More than the head is read only when there is nothing in the head."""
    spaces = b" " * (9 * 2**20)
    late = MemoryS3({0: spaces, 5 * 2**20: b"word"}, len(spaces))

    assert MemoryS3.of(spaces).reason("a.txt") is Reason.EMPTY
    assert late.reason("a.txt") is None
    assert late.ranges == [(0, HEAD_BYTES), (0, 4 * 2**20), (4 * 2**20, 4 * 2**20)]


def test_a_text_that_turns_out_to_be_none_is_named_with_the_place() -> None:
    """When it has to be read through, its encoding is checked on the way."""
    body = bytearray(b"a" * 2_000_000)
    body[1_500_000] = 0xE9

    bad = MemoryS3.of(bytes(body)).refusal("a.txt", Recipe(Modality.TEXT, segment=800))

    assert bad
    assert bad.reason is Reason.WRONG_CONTENT
    assert bad.message == ("It begins as text, but is not UTF-8 further on: byte 0xE9 at about 1,500,000.")

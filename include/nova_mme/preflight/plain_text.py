"""Whether a text is one: UTF-8 that people can read, with something in it; and how many characters it has."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from nova_mme.errors import BadSource, Reason
from nova_mme.preflight.object_file import ObjectFile

BINARY = "binary data"

# Documents that are written in plain characters and still are no text to embed.
_DOCUMENTS = (
    (re.compile(rb"%PDF-\d"), "a PDF document"),
    (re.compile(rb"\{\\rtf1"), "an RTF document"),
    (re.compile(rb"%!PS-Adobe-"), "a PostScript document"),
)

# Control characters that texts rarely have. All but: bell, backspace, tab, line ends, form feed and escape, as
# in recorded terminals; ^Z, which ends old DOS files; and the four separators, as in exported tables.
_CONTROLS = bytes({*range(1, 7), *range(14, 26)})
_CONTROLS_IN_TEXT = 0.05
_PLAIN = bytes({*range(7, 14), *range(26, 127)})
_PLAIN_IN_TEXT = 0.1

# In Latin text as UTF-16, every other byte is 0.
_WIDE = re.compile(rb"(?:[\t\n\r -~\xa0-\xff]\0){4}|(?:\0[\t\n\r -~\xa0-\xff]){4}")


def find_flaw(head: bytes, *, whole: bool) -> str:
    """What the bytes hold instead of text, for "it holds ..."; empty when they are text.

    Text is UTF-8, or UTF-16 with its byte order mark, without NUL and with hardly any control characters.

    :param whole: whether there are no more bytes; else they may end inside a character.
    """
    for pattern, name in _DOCUMENTS:
        if pattern.match(head):
            return name
    encoding = find_encoding(head)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError as error:
        return _name_other_encoding(head, encoding, error)
    if "\0" in text:
        return _name_zeros(head)
    controls = sum(text.count(chr(control)) for control in _CONTROLS)
    return BINARY if controls > _CONTROLS_IN_TEXT * len(text) else ""


def find_encoding(head: bytes) -> str:
    """The name of the codec that reads a text which begins like this; it takes the byte order mark away."""
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _name_other_encoding(head: bytes, encoding: str, error: UnicodeDecodeError) -> str:
    if encoding == "utf-16":
        return "broken UTF-16; save it as UTF-8"
    if 0 in head:
        return _name_zeros(head)
    if _share(head, _CONTROLS) > _CONTROLS_IN_TEXT or _share(head, _PLAIN) < _PLAIN_IN_TEXT:
        return BINARY
    byte = error.object[error.start]
    return f"text that is not UTF-8 (byte 0x{byte:02X} at {error.start:,}: perhaps Latin-1); save it as UTF-8"


def _name_zeros(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "text in UTF-32; save it as UTF-8"
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and _WIDE.match(head):
        return "text in UTF-16 without a byte order mark; save it as UTF-8"
    return BINARY


def _share(data: bytes, kinds: bytes) -> float:
    return (len(data) - len(data.translate(None, kinds))) / max(1, len(data))


def require_words(file: ObjectFile) -> None:
    """Refuse a text of white space alone; more than the head is read only when the head is such.

    :raises BadSource: EMPTY, or what :func:`decode` raises.
    """
    head = file.head()
    started = codecs.getincrementaldecoder(find_encoding(head))().decode(head, final=len(head) == file.size)
    if started.strip() or any(text.strip() for text in decode(file)):
        return
    message = f"The text has nothing but white space in its {file.size:,} bytes."
    raise BadSource(file.source.uri, Reason.EMPTY, message)


def count_characters(file: ObjectFile, *, most: int) -> int:
    """Read the text through, once, and count; stops counting when there are more than ``most``."""
    count = 0
    for text in decode(file):
        count += len(text)
        if count > most:
            break
    return count


def decode(file: ObjectFile) -> Iterator[str]:
    """The text in pieces of at most 4 MiB, read by ranged GETs, none of it kept.

    :raises BadSource: WRONG_CONTENT where it is no text after all, or that the object cannot be read.
    """
    decoder = codecs.getincrementaldecoder(find_encoding(file.head()))()
    begin = 0
    for piece in file.read_through():
        try:
            yield decoder.decode(piece, final=begin + len(piece) == file.size)
        except UnicodeDecodeError as error:
            byte, place = error.object[error.start], begin + error.start
            message = f"It begins as text, but is not UTF-8 further on: byte 0x{byte:02X} at about {place:,}."
            raise BadSource(file.source.uri, Reason.WRONG_CONTENT, message) from error
        begin += len(piece)

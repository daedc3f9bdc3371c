"""What format an object has, by its first bytes and not by its name."""

from __future__ import annotations

import filetype

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.object_file import ObjectFile
from nova_mme.preflight.plain_text import BINARY, find_flaw
from nova_mme.source import Source

# What filetype calls a format, where the schema calls it otherwise. An .m4a is an MP4 that may hold pictures.
_SCHEMA_NAMES = {"jpg": "jpeg", "m4v": "mp4", "m4a": "mp4", "mpg": "mpeg"}

# Formats that share a container: a name of one and bytes of another are no mistake worth a dead letter.
_SAME_FAMILY = (frozenset({"mp4", "mov", "3gp"}), frozenset({"mkv", "webm"}), frozenset({"mpeg", "mpg"}))

# Formats whose files may begin in more ways than filetype knows (an MP3 without a tag, an MP4 of a rare
# brand): bytes that nobody recognises are left for the demuxer to judge.
_LOOSE = frozenset({"mp3", "mp4", "mov", "3gp", "mpeg", "mpg"})

# WAV of big-endian samples, and of more than 4 GB (EBU Tech 3306): the model may know them.
_OTHER_WAVS = (b"RIFX", b"RF64", b"BW64")

# A PDF's header may come after other bytes (ISO 32000-1, annex H.3, note 13: within the first 1,024). A .docx
# is a zip archive; a protected one is a compound file with the archive encrypted in it (MS-OFFCRYPTO).
_PDF_WITHIN = 1024
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def find_format(file: ObjectFile, modality: Modality) -> str:
    """The schema's name of the format that the object's first bytes have; ``text`` for text.

    :raises BadSource: UNSUPPORTED for an extension that is not of the modality, WRONG_CONTENT for bytes that
        are not what the name says; or that the object cannot be read.
    """
    source = file.source
    named = modality.format_of(source.name)
    if named is None:
        raise BadSource(source.uri, Reason.UNSUPPORTED, f"Its extension stands for no format of {modality}.")
    head = file.head()
    flaw = find_flaw(head, whole=len(head) == source.size)
    if modality is Modality.TEXT:  # not by signatures: many are two letters long, and may begin a text
        if flaw:
            raise _wrong(source, "text", _name_binary(head) or flaw if flaw == BINARY else flaw)
        return named
    found = _recognise(head, modality)
    if found == named or any(found in family and named in family for family in _SAME_FAMILY):
        return named
    if found in modality.formats:
        return str(found)  # a PNG named .jpg: the same modality, so tell the model the truth
    if found is None and named in _LOOSE and flaw == BINARY:
        return named
    held = _name_binary(head) if found or flaw == BINARY else _name_text(head)
    raise _wrong(source, f"{modality} ({named})", held or "nothing that is known")


def _recognise(head: bytes, modality: Modality) -> str | None:
    if modality is Modality.DOCUMENT:
        pdf = b"%PDF-" in head[:_PDF_WITHIN]
        return "pdf" if pdf else "docx" if head.startswith(_ARCHIVES) else None
    if head[8:12] == b"WAVE" and head.startswith(_OTHER_WAVS):
        return "wav"
    kind = filetype.guess(head)
    return _SCHEMA_NAMES.get(kind.extension, kind.extension) if kind else None


def _name_binary(head: bytes) -> str:
    kind = filetype.guess(head)
    return f"{kind.mime} data" if kind else ""


def _name_text(head: bytes) -> str:
    """What servers hand out in place of media has names of its own."""
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:2048].lower()
    if begin.startswith(b"<"):
        marks = {b"<svg": "an SVG drawing", b"<html": "an HTML page", b"<!doctype html": "an HTML page"}
        return next((name for mark, name in marks.items() if mark in begin), "XML or other plain text")
    return "JSON or other plain text" if begin.startswith((b"{", b"[")) else "plain text"


def _wrong(source: Source, named: str, held: str) -> BadSource:
    return BadSource(source.uri, Reason.WRONG_CONTENT, f"Named as {named}, but it holds {held}.")

"""A .docx that is none, or that would do harm when it is unpacked, is refused before that."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from media.documents import (
    BAD,
    SPECIMENS,
    deflate,
    make_docx,
    make_ole2,
    paragraph,
    relations,
    zip_files,
)

from nova_mme.documents import docx_package
from nova_mme.documents.docx_package import DocxPackage
from nova_mme.documents.docx_text import read_docx
from nova_mme.errors import BadSource, Reason

_URI = "s3://media/letter.docx"
_GOOD = make_docx(paragraph("A letter."))
_DOCUMENT = "<document><body><p><r><t>Text</t></r></p></body></document>"


def _read(folder: Path, content: bytes) -> str:
    path = folder / "document"
    path.write_bytes(content)
    pieces: list[str] = []
    with DocxPackage(path, _URI) as package:
        read_docx(package, pieces.append)
    return "".join(pieces)


def _refuse(folder: Path, content: bytes) -> BadSource:
    with pytest.raises(BadSource) as caught:
        _read(folder, content)
    assert caught.value.uri == _URI
    return caught.value


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("encrypted.docx", Reason.ENCRYPTED, "password"),
        ("word-97.docx", Reason.WRONG_CONTENT, "save it as .docx"),
        ("truncated.docx", Reason.BROKEN, "cut off"),
        ("not-word.docx", Reason.WRONG_CONTENT, "no Word document"),
        ("no-text.docx", Reason.EMPTY, "pictures in it are not read"),
        ("zip-bomb.docx", Reason.BROKEN, "ZIP bomb"),
        ("entity-bomb.docx", Reason.BROKEN, "document type"),
        ("entity-file.docx", Reason.BROKEN, "document type"),
    ],
)
def test_a_bad_document_is_named(tmp_path: Path, name: str, reason: Reason, words: str) -> None:
    """The reason, and a sentence."""
    bad = _refuse(tmp_path, (BAD / name).read_bytes())

    assert bad.reason is reason
    assert words in bad.message


@pytest.mark.parametrize("name", sorted(SPECIMENS))
def test_a_specimen_is_what_makes_it(name: str) -> None:
    """The files are the ones that documents.py writes; what deflating makes depends on zlib, so it is unpacked."""
    kept, made = (BAD / name).read_bytes(), SPECIMENS[name]()
    if name == "zip-bomb.docx":
        kept, made = _unpack(kept), _unpack(made)

    assert kept == made


def _unpack(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join(map(archive.read, archive.namelist()))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by what the directory says; not a byte of it is inflated."""
    opened: list[str] = []
    real = zipfile.ZipFile.open

    def note(self: zipfile.ZipFile, name: zipfile.ZipInfo, *rest: object) -> object:
        opened.append(name.filename)
        return real(self, name, *rest)

    monkeypatch.setattr(zipfile.ZipFile, "open", note)
    _refuse(tmp_path, (BAD / "zip-bomb.docx").read_bytes())

    assert "_rels/.rels" in opened
    assert "word/document.xml" not in opened


def test_a_part_that_says_less_than_it_unpacks_to_is_not_read_on(tmp_path: Path) -> None:
    """The directory lies about the size: what is unpacked ends there, and its checksum is wrong."""
    whole = bytearray(deflate(make_docx(paragraph("x" * 5_000_000))))
    entry = whole.rfind(b"PK\x01\x02", 0, whole.rfind(b"word/document.xml"))
    struct.pack_into("<L", whole, entry + 24, 1000)

    bad = _refuse(tmp_path, bytes(whole))

    assert (bad.reason, "word/document.xml" in bad.message) == (Reason.BROKEN, True)


@pytest.mark.parametrize(
    ("limit", "most", "reason"),
    [
        ("MOST_ENTRIES", 2, Reason.BROKEN),
        ("MOST_DIRECTORY_BYTES", 100, Reason.BROKEN),
        ("MOST_UNPACKED_BYTES", 300, Reason.TOO_LARGE),
        ("MOST_PART_BYTES", 200, Reason.TOO_LARGE),
        ("MOST_DEPTH", 4, Reason.BROKEN),
    ],
)
def test_each_limit_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, reason: Reason
) -> None:
    """A document above it is refused, one below is read."""
    assert _read(tmp_path, _GOOD) == "A letter."

    monkeypatch.setattr(docx_package, limit, most)

    assert _refuse(tmp_path, _GOOD).reason is reason


def test_entries_are_counted_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 entries, or any number that a ZIP64 end hides, never reach zipfile."""
    crowd = zip_files({f"{number}": "" for number in range(20_000)})
    end = _GOOD.rfind(b"PK\x05\x06")
    hidden = _GOOD[:end] + b"PK\x06\x07" + bytes(16) + _GOOD[end:]
    monkeypatch.setattr(docx_package, "ZipFile", None)

    assert "20,000 files" in _refuse(tmp_path, crowd).message
    assert _refuse(tmp_path, hidden).reason is Reason.BROKEN


def test_the_encrypted_stream_is_found_wherever_its_name_is(tmp_path: Path) -> None:
    """The file is read in pieces of 1 MiB, and the name may be across two of them."""
    name = "EncryptedPackage".encode("utf-16-le")
    start = make_ole2("Other")

    for place in (1 << 20, (1 << 20) - 9, (2 << 20) - len(name)):
        padded = start + bytes(place - len(start)) + name + bytes(500)
        assert _refuse(tmp_path, padded).reason is Reason.ENCRYPTED


@pytest.mark.parametrize(
    ("files", "reason", "words"),
    [
        ({}, Reason.WRONG_CONTENT, "no Word document"),
        (
            {"_rels/.rels": relations({"officeDocument": "gone.xml"})},
            Reason.WRONG_CONTENT,
            "no Word document",
        ),
        (
            {
                "_rels/.rels": relations({"officeDocument": "d.xml"}, mode="External"),
                "d.xml": _DOCUMENT,
            },
            Reason.WRONG_CONTENT,
            "no Word document",
        ),
        (
            {"_rels/.rels": relations({"officeDocument": "xl/b.xml"}), "xl/b.xml": "<workbook/>"},
            Reason.WRONG_CONTENT,
            "'workbook'",
        ),
        ({"_rels/.rels": "no XML"}, Reason.BROKEN, "no well-formed XML"),
        (
            {"_rels/.rels": relations({"officeDocument": "d.xml"}), "d.xml": _DOCUMENT[:-5]},
            Reason.BROKEN,
            "no well-formed XML",
        ),
        (
            {
                "_rels/.rels": relations({"officeDocument": "d.xml"}),
                "d.xml": '<?xml version="1.0" encoding="klingon"?><document/>',
            },
            Reason.BROKEN,
            "no well-formed XML",
        ),
    ],
    ids=["nothing", "no part", "part elsewhere", "a table of numbers", "no XML", "cut off", "encoding"],
)
def test_an_archive_of_other_things_is_refused(
    tmp_path: Path, files: dict[str, str], reason: Reason, words: str
) -> None:
    """No Word document, or a damaged one."""
    bad = _refuse(tmp_path, zip_files({"other.txt": "text", **files}))

    assert bad.reason is reason
    assert words in bad.message


def test_the_document_may_be_anywhere_in_the_package(tmp_path: Path) -> None:
    """Its relationships name it, from the package's root or from a folder, in any case."""
    for target, place in (
        ("/word/document2.xml", "word/document2.xml"),
        ("Word/../Main.xml", "main.xml"),
        ("d.xml", "D.XML"),
    ):
        files = {"_rels/.rels": relations({"officeDocument": target}), place: _DOCUMENT}
        assert _read(tmp_path, zip_files(files)) == "Text"


def test_damaged_bytes_are_found(tmp_path: Path) -> None:
    """By the part's checksum."""
    place = _GOOD.index(b"A letter.")

    bad = _refuse(tmp_path, _GOOD[:place] + b"B" + _GOOD[place + 1 :])

    assert bad.reason is Reason.BROKEN
    assert "word/document.xml cannot be unpacked" in bad.message


def test_an_archive_with_a_password_is_encrypted(tmp_path: Path) -> None:
    """The flag of the entry says so."""
    locked = bytearray(_GOOD)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := locked.find(mark, place + 1)) >= 0:
            locked[place + flags] |= 1

    assert _refuse(tmp_path, bytes(locked)).reason is Reason.ENCRYPTED

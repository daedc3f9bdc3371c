"""A .docx file as the parts of its package, opened only when unpacking it can do no harm.

Format: ECMA-376, part 2, "Open Packaging Conventions". Media are never unpacked, and nothing that lies outside of the
file is fetched.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError, XMLParser
from zipfile import BadZipFile, ZipFile, ZipInfo

from nova_mme.errors import BadSource, Reason

# What an honest document stays far below: a novel has 3 MB of XML, and a thousand pictures are a thousand entries.
MOST_ENTRIES = 10_000
MOST_DIRECTORY_BYTES = 4 << 20
MOST_UNPACKED_BYTES = 2 << 30
MOST_PART_BYTES = 128 << 20
# XML shrinks to a tenth, that of an empty table to a hundredth; a bomb's to a thousandth, the most that deflate can.
MOST_RATIO, _RATIO_FROM_BYTES = 300, 4 << 20
MOST_DEPTH = 1000

_READ_BYTES = 64 << 10
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
# The stream that holds an encrypted document (MS-OFFCRYPTO, section 1.3.2), as its directory entry spells it.
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")

# APPNOTE.TXT of PKWARE, sections 4.3.16 (end of central directory) and 4.3.15 (its locator for ZIP64).
_END_MARK, _END, _END64_MARK = b"PK\x05\x06", struct.Struct("<4s4H2LH"), b"PK\x06\x07"
_END64_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 0xFFFF


class DocxPackage:
    """An open .docx file, as a context manager.

    :ivar main: the name of the part that holds the document.
    """

    def __init__(self, path: Path, uri: str) -> None:
        """Open the file.

        :param uri: the source that it was downloaded from, for what is wrong with it.
        :raises BadSource: encrypted, broken, no Word document, or unpacking to more than any document has.
        """
        self._uri = uri
        self._file = path.open("rb")
        try:
            self._zip = self._open()
            self._parts = {info.filename.lower(): info for info in self._zip.infolist()}
            mains = self.related("", "officeDocument")
            if not mains:
                raise self.bad("It is a ZIP archive, but no Word document.", Reason.WRONG_CONTENT)
            self.main = mains[0]
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> DocxPackage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def bad(self, message: str, reason: Reason = Reason.BROKEN) -> BadSource:
        """What is wrong with the document, to be raised."""
        return BadSource(self._uri, reason, message)

    def related(self, part: str, kind: str) -> list[str]:
        """The parts that a part ("" for the package) names as its relations of a kind, such as ``header``."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self._has(place):
            return []
        found = _Relations(folder, kind)
        self.parse(place, found)
        return [target for target in found.targets if self._has(target)]

    def parse(self, part: str, target: Any) -> None:
        """Feed a part to a target of :class:`xml.etree.ElementTree.XMLParser`, in pieces.

        :raises BadSource: when the part is damaged, or is no XML as the format has it.
        """
        guard = _Guard(self, part, target)
        parser = XMLParser(target=guard)
        try:
            for piece in self._read(part):
                parser.feed(piece)
            parser.close()
        except BadSource:
            raise
        except (ParseError, LookupError, ValueError) as error:  # the latter two: encodings that nobody knows
            raise self.bad(f"Its part {part} is no well-formed XML: {error}.") from error

    def _has(self, part: str) -> bool:
        return part.lower() in self._parts

    def _read(self, part: str) -> Iterator[bytes]:
        info = self._parts[part.lower()]
        self._check_part(info)
        try:
            with self._zip.open(info) as stream:
                while piece := stream.read(_READ_BYTES):
                    yield piece
        except (BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise self.bad(f"Its part {part} cannot be unpacked: {error}.") from error

    def _check_part(self, info: ZipInfo) -> None:
        if info.flag_bits & 1:
            raise self.bad("Its content is encrypted.", Reason.ENCRYPTED)
        if info.file_size > MOST_PART_BYTES:
            message = (
                f"Its part {info.filename} unpacks to {info.file_size:,} bytes; {MOST_PART_BYTES:,} are read."
            )
            raise self.bad(message, Reason.TOO_LARGE)
        if info.file_size > max(_RATIO_FROM_BYTES, MOST_RATIO * info.compress_size):
            raise self.bad(
                f"Its part {info.filename} unpacks from {info.compress_size:,} to {info.file_size:,} bytes: "
                "a document does not shrink like that, a ZIP bomb does."
            )

    def _open(self) -> ZipFile:
        if self._file.read(len(_OLE2)) == _OLE2:
            raise self._refuse_ole2()
        entries, size = _read_end(self._file) or (None, 0)
        if entries is None:
            raise self.bad("It is cut off or damaged: the directory at the end of a .docx file is missing.")
        if entries > MOST_ENTRIES or size > MOST_DIRECTORY_BYTES:
            raise self.bad(f"It is an archive of {entries:,} files; at most {MOST_ENTRIES:,} are taken.")
        try:
            package = ZipFile(self._file)
        except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise self.bad(f"It cannot be unpacked: {error}.") from error
        unpacked = sum(info.file_size for info in package.infolist())
        if unpacked > MOST_UNPACKED_BYTES or len(package.infolist()) > MOST_ENTRIES:
            message = f"It unpacks to {unpacked:,} bytes; at most {MOST_UNPACKED_BYTES:,} are taken."
            raise self.bad(message, Reason.TOO_LARGE)
        return package

    def _refuse_ole2(self) -> BadSource:
        self._file.seek(0)
        before = b""
        while piece := self._file.read(1 << 20):
            if _ENCRYPTED_STREAM in before + piece:
                return self.bad("It is encrypted, and opens with a password only.", Reason.ENCRYPTED)
            before = piece[-len(_ENCRYPTED_STREAM) :]
        message = "It is of the format before 2007 (.doc), whatever its name says; save it as .docx."
        return self.bad(message, Reason.WRONG_CONTENT)


def _read_end(file: BinaryIO) -> tuple[int, int] | None:
    """How many entries an archive has, and how many bytes its directory; None when there is no such end.

    Asked before :class:`~zipfile.ZipFile` reads the directory, which of 100 MB could hold two million entries, at half
    a kilobyte of memory each.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT - _END.size - _END64_LOCATOR_BYTES))
    tail = file.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or len(tail) - place < _END.size:
        return None
    if tail[max(0, place - _END64_LOCATOR_BYTES) :].startswith(_END64_MARK):
        # Its real counts are elsewhere. Only an archive of over 65,535 files or 4 GB has need of it.
        return MOST_ENTRIES + 1, 0
    entries, directory = _END.unpack_from(tail, place)[4:6]
    return entries, directory


class _Guard:
    """Passes XML on to its target, but no document type and no depth that Word would not write."""

    def __init__(self, package: DocxPackage, part: str, target: Any) -> None:
        self._package, self._part, self._target = package, part, target
        self._depth = 0
        self.data = target.data

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        # ECMA-376, part 2, section 8.1.4: no part has one. Entities, which blow up or read files, need one.
        raise self._package.bad(f"Its part {self._part} declares a document type, which the format forbids.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._package.bad(f"Its part {self._part} nests elements over {MOST_DEPTH:,} deep.")
        # The names alone: the strict and the transitional format have the same, in different namespaces.
        self._target.start(local_name(tag), attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._target.end(local_name(tag))

    def close(self) -> None:
        """Nothing to hand out: the target has it."""


class _Relations:
    """Collects the targets of a part's relationships of one kind."""

    def __init__(self, folder: str, kind: str) -> None:
        self._folder, self._kind = folder, f"/{kind}"
        self.targets: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            if attributes.get("Type", "").endswith(self._kind):
                self.targets.append(posixpath.normpath(posixpath.join("/", self._folder, target)).lstrip("/"))

    def end(self, name: str) -> None:
        """Relationships do not nest."""

    def data(self, text: str) -> None:
        """Nor do they hold text."""


def local_name(name: str) -> str:
    """``{namespace}name`` without the namespace."""
    return name.rpartition("}")[2]

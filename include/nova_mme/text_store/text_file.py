"""Local text files: which ones a pattern stands for, and what is in one."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.plain_text import find_encoding, find_flaw
from nova_mme.source import object_id

# Some twenty thousand chunks. What is larger is no text that anybody reads: a log, or a dump of a database.
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text, as it was when it was read.

    :ivar uri: ``file:///...``, absolute, of the file itself and not of a link to it.
    :ivar etag: sha256 of the bytes, in hex.
    :ivar size: bytes; ``modified`` in epoch seconds.
    """

    uri: str
    text: str
    etag: str
    size: int
    modified: int

    @property
    def object_id(self) -> str:
        """The stable id of the place, whatever is in it."""
        return object_id(self.uri)

    @property
    def name(self) -> str:
        """The file name, to be read: what is no UTF-8 in it has become question marks."""
        name = os.path.basename(_to_path(self.uri))
        return name.encode("utf-8", "replace").decode()


def find_files(pattern: str) -> list[Path]:
    """The files that a pattern stands for, sorted; empty when there are none.

    What exists under the very name is meant, before ``*``, ``?``, ``[..]`` and ``**`` mean anything; of a directory
    it is all files below it with the extension of a text. Hidden files are found only by patterns that name the dot.
    """
    if os.path.isdir(pattern):
        below = glob.iglob(os.path.join(glob.escape(pattern), "**", "*"), recursive=True)
        return sorted(Path(path) for path in below if _is_text_name(path) and os.path.isfile(path))
    if os.path.lexists(pattern):
        return [Path(pattern)]
    return sorted(Path(path) for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path))


def find_uri(path: Path) -> str:
    """The ``file://`` URI of a file; links are followed, so that a file has one."""
    return Path(os.path.realpath(path)).as_uri()


def drop_doubles(paths: Iterable[Path]) -> list[Path]:
    """The files, each once, however many links and patterns lead to it."""
    return list({find_uri(path): path for path in reversed(list(paths))}.values())[::-1]


def read_file(path: Path) -> TextFile:
    """Read a text file: UTF-8, or UTF-16 with its byte order mark, of at most 32 MiB.

    :raises BadSource: when it cannot be read, is too large or empty, or is no text.
    """
    uri = find_uri(path)
    content, modified = _read_bytes(path, uri)
    if len(content) > MAX_BYTES:
        raise BadSource(uri, Reason.TOO_LARGE, f"It has over {MAX_BYTES // 2**20} MiB; split it.")
    if flaw := find_flaw(content, whole=True):
        raise BadSource(uri, Reason.WRONG_CONTENT, f"It is no text to index: it holds {flaw}.")
    text = content.decode(find_encoding(content))
    if not text.strip():
        raise BadSource(uri, Reason.EMPTY, "There is nothing in it to index.")
    return TextFile(uri, text, hashlib.sha256(content).hexdigest(), len(content), modified)


def _read_bytes(path: Path, uri: str) -> tuple[bytes, int]:
    if path.exists() and not path.is_file():  # to open a pipe would wait for its writer
        raise BadSource(uri, Reason.UNREADABLE, "It is no file.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), int(os.fstat(file.fileno()).st_mtime)
    except OSError as error:
        raise BadSource(uri, Reason.UNREADABLE, f"It cannot be read: {error.strerror}.") from error


def _is_text_name(path: str) -> bool:
    return Modality.of_name(path) is Modality.TEXT


def _to_path(uri: str) -> str:
    return os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))

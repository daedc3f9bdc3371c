"""Media on this machine: which files of a folder the DAGs can embed, and their way into the bucket."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from nova_mme.modality import Modality
from nova_mme_local import samples
from nova_mme_local.stackerror import StackError

_PART = 64 * 1024 * 1024  # bytes; larger files go up in parts, and their ETag is made of the parts'
_TRANSFER = TransferConfig(multipart_threshold=_PART + 1, multipart_chunksize=_PART, max_concurrency=2)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that can be embedded, and its key in the bucket."""

    path: Path
    key: str
    modality: Modality


@dataclass(frozen=True, slots=True)
class Media:
    """What a folder holds.

    :ivar prefix: of all keys, with a slash at its end.
    :ivar left_out: files that cannot be embedded, each with the reason: `notes.xyz (unknown type)`.
    """

    prefix: str
    files: tuple[MediaFile, ...]
    left_out: tuple[str, ...]

    @classmethod
    def samples(cls) -> Media:
        """The media that come with the project."""
        return cls._sort(samples.ROOT, "samples/", samples.media())

    @classmethod
    def folder(cls, folder: Path) -> Media:
        """Everything below a folder but hidden files, under a prefix made of the folder's name.

        :raises StackError: when it is no folder, or nothing in it can be embedded.
        """
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            raise StackError(
                f"MEDIA={folder} is not a folder. Give one with texts, images, videos, sounds or documents."
            )
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-.") or "media"
        media = cls._sort(folder, f"{name}/", _walk(folder))
        if not media.files:
            known = " ".join(f".{suffix}" for modality in Modality for suffix in modality.suffixes)
            found = f" ({len(media.left_out)} other files)" if media.left_out else ""
            raise StackError(f"Nothing in {folder} can be embedded{found}. Taken are: {known}")
        return media

    @classmethod
    def _sort(cls, root: Path, prefix: str, paths: Iterable[Path]) -> Media:
        files, left_out = [], []
        for path in paths:
            name = path.relative_to(root).as_posix()
            modality = Modality.of_name(path.name)
            if why_not := _why_not(path, name, modality):
                left_out.append(f"{_printable(name)} ({why_not})")
            elif modality:
                files.append(MediaFile(path, prefix + name, modality))
        return cls(prefix, tuple(files), tuple(left_out))

    def counts(self) -> Mapping[Modality, int]:
        """Return how many files there are of each modality that there are any of."""
        return Counter(file.modality for file in self.files)

    def upload(self, s3: Any, bucket: str) -> tuple[int, int]:
        """Put the files into the bucket; return how many went up, and how many were there already.

        Those are objects of the same size and content, which S3's ETag tells.
        """
        there = dict(_list_objects(s3, bucket, self.prefix))
        new = [
            file for file in self.files if there.get(file.key) != (file.path.stat().st_size, _etag(file.path))
        ]
        for file in new:
            s3.upload_file(str(file.path), bucket, file.key, Config=_TRANSFER)
        return len(new), len(self.files) - len(new)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _why_not(path: Path, name: str, modality: Modality | None) -> str:
    if modality is None:
        return "unknown type"
    if not path.is_file() or not os.access(path, os.R_OK):
        return "cannot be read"
    if len(_printable(name).encode()) > 900 or name != _printable(name):
        return "its name cannot be a key"
    return ""


def _printable(name: str) -> str:
    """Replace what a file system allows in names and UTF-8 does not."""
    return name.encode(errors="replace").decode()


def _list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, tuple[int, str]]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"], (item["Size"], item["ETag"].strip('"'))


def _etag(path: Path) -> str:
    """The ETag of a file as this module uploads it: the MD5, or the MD5 of its parts' MD5s and their number."""
    digests = []
    with open(path, "rb") as file:
        while part := file.read(_PART):
            digests.append(hashlib.md5(part, usedforsecurity=False))
    if len(digests) > 1:
        whole = hashlib.md5(b"".join(part.digest() for part in digests), usedforsecurity=False)
        return f"{whole.hexdigest()}-{len(digests)}"
    return digests[0].hexdigest() if digests else hashlib.md5(usedforsecurity=False).hexdigest()

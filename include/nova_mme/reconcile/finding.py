"""What a reconciliation has found, one by one in files and added up on a page; the files are what is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO

import orjson

from nova_mme.source import S3Uri

_SHOWN = 20


class Kind(StrEnum):
    """How bucket, ledger and indexes can be at odds."""

    DEPARTED = "departed"  # the ledger has it, the bucket has not
    ORPHAN = "orphan"  # an index has it, the ledger has not
    HOLE = "hole"  # the ledger has it, an index has not
    STALE = "stale"  # an index has something else than the ledger says


_MEANINGS = {
    Kind.DEPARTED: "The object is no longer in the bucket: its vectors are deleted in all four indexes, then "
    "its ledger row.",
    Kind.ORPHAN: "The ledger has no row for the vector, or none that reaches so far: the vector is deleted.",
    Kind.HOLE: "Vectors are missing in an index: the source is stored again from its own finished job, which "
    "costs nothing as long as the job's output is there.",
    Kind.STALE: "An index has vectors of another version, or too many: the source is stored again as well.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them.

    :ivar key: an orphan's key; the other kinds are about a whole source.
    :ivar dimensions: the indexes that it is about.
    :ivar vectors: how many vectors the row says there may be in each index; 1 for an orphan.
    """

    kind: Kind
    object_id: str
    dimensions: tuple[int, ...]
    uri: str = ""
    key: str = ""
    vectors: int = 1

    def describe(self) -> str:
        """One line for people; names are quoted as JSON does it, for they may hold line breaks."""
        where = ", ".join(f"{dimension}d" for dimension in self.dimensions)
        return f"- {orjson.dumps(self.key or self.uri).decode()} in {where}"


class Findings:
    """Takes findings up, in files of a temporary folder, until they are kept in S3. Use it as a context manager.

    :param about: a line for the page: of which space they are, when it is not the active one.
    :ivar tally: how much was looked at, and how many of each kind were found.
    """

    def __init__(self, about: str = "") -> None:
        self._about = about
        self.tally: Counter[str] = Counter()
        self._first: dict[Kind, list[Finding]] = {kind: [] for kind in Kind}
        self._open = ExitStack()
        self._files: dict[Kind, BinaryIO] = {}

    def __enter__(self) -> Findings:
        folder = Path(self._open.enter_context(TemporaryDirectory()))
        for kind in Kind:
            self._files[kind] = self._open.enter_context((folder / _file_name(kind)).open("wb"))
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add(self, finding: Finding) -> None:
        """Take one up."""
        self.tally[finding.kind.value] += 1
        if len(self._first[finding.kind]) < _SHOWN:
            self._first[finding.kind].append(finding)
        self._files[finding.kind].write(orjson.dumps(asdict(finding)) + b"\n")

    def keep(self, s3: Any, folder: S3Uri) -> str:
        """Write ``<kind>.jsonl`` for each kind and ``findings.md``; returns the latter's URI."""
        for kind, file in self._files.items():
            file.flush()
            place = folder.join(_file_name(kind))
            s3.upload_file(
                file.name, place.bucket, place.key, ExtraArgs={"ContentType": "application/x-ndjson"}
            )
        page = folder.join("findings.md")
        s3.put_object(
            Bucket=page.bucket,
            Key=page.key,
            Body=self.render().encode(),
            ContentType="text/markdown; charset=utf-8",
        )
        return str(page)

    def render(self) -> str:
        """The counts, and the first twenty of each kind, as Markdown."""
        lines = ["# Bucket, ledger and indexes compared", ""]
        lines += [self._about, ""] if self._about else []
        lines += tell_counts(self.tally)
        for kind, first in self._first.items():
            lines += ["", f"## {kind}: {self.tally[kind]}", "", _MEANINGS[kind]]
            if first:
                lines += ["", "```", *(finding.describe() for finding in first), "```"]
            if self.tally[kind] > len(first):
                lines += [
                    "",
                    f"The first {len(first)}; all of them are in {_file_name(kind)} beside this page.",
                ]
        return "\n".join([*lines, ""])


def read_findings(s3: Any, folder: S3Uri, kind: Kind) -> Iterator[Finding]:
    """What :meth:`Findings.keep` kept of one kind.

    It is fetched as a whole, to disk: mending takes its time, and S3 closes a connection that is not read from.
    """
    place = folder.join(_file_name(kind))
    with TemporaryFile() as file:
        copyfileobj(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"], file)
        file.seek(0)
        for line in file:
            item = orjson.loads(line)
            item["kind"], item["dimensions"] = Kind(item["kind"]), tuple(item["dimensions"])
            yield Finding(**item)


def tell_counts(tally: Mapping[str, int]) -> list[str]:
    """What was looked at, as lines of Markdown."""
    count: Counter[str] = Counter(tally)
    return [
        f"* {count['objects']} objects in the bucket, {count['objects'] - count['known']} of them without a "
        "ledger row",
        f"* {count['sources']} sources in the ledger, {count['stored']} of them stored; {count['outside']} are "
        "outside of the source URI and were left alone",
        f"* {count['vectors']} vectors in the four indexes; {count['foreign']} have keys that are not this "
        "project's and were left alone",
        f"* {count['in_motion']} sources were on their way meanwhile and were not judged",
    ]


def tell_findings(tally: Mapping[str, int], findings_uri: str) -> list[str]:
    """What was looked at and found, as lines of Markdown."""
    found = ", ".join(f"{tally.get(kind, 0)} {kind}" for kind in Kind)
    return [*tell_counts(tally), f"* found: {found}; see {findings_uri}"]


def tell_refusal(objections: Sequence[str]) -> list[str]:
    """Why a run that is no dry run would mend nothing, as lines of Markdown; none when it would."""
    return [f"* a real run would refuse without `force`: {sentence}" for sentence in objections]


def tell_mended(done: Mapping[str, int]) -> list[str]:
    """What was mended, as lines of Markdown."""
    count: Counter[str] = Counter(done)
    return [
        f"* mended: {count['removed']} sources removed, {count['vectors_deleted']} vectors deleted, "
        f"{count['reopened']} sources to be stored again by the next run; {count['left_alone']} findings were "
        "none any more"
    ]


def _file_name(kind: Kind) -> str:
    return f"{kind}.jsonl"

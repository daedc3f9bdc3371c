"""What a reconciliation has found is mended: each finding is looked up once more, and left alone if it is none now.

It can end half-way and be started again over the same findings: what was mended is then no finding any more.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.ledger import Ledger
from nova_mme.reconcile import expectation
from nova_mme.reconcile.comparison import is_in_flight, read_version, without_row
from nova_mme.reconcile.finding import Finding, Kind, read_findings
from nova_mme.row import Row
from nova_mme.settings import Settings
from nova_mme.source import S3Uri
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

log = logging.getLogger(__name__)

# As many as one BatchGetItem takes (rows), and one DeleteVectors (keys).
_ROWS, _KEYS = 100, 500
_HEADS_AT_ONCE = 8


def weigh(tally: Counter[str], allowed: float) -> list[str]:
    """Why this is more than may be mended unasked, as sentences; empty when it is not.

    A listing that came back empty, or of the wrong place, would make nearly everything a finding.

    :param tally: :attr:`nova_mme.finding.Findings.tally`.
    :param allowed: the share that may be deleted, or stored again, 0..1.
    """
    shares = (
        ("sources that have vectors would be removed", tally["departed_holding"], tally["holding"]),
        ("vectors would be deleted as orphans", tally[Kind.ORPHAN], tally["vectors"] - tally["foreign"]),
        ("stored sources would be stored again", tally[Kind.HOLE] + tally[Kind.STALE], tally["stored"]),
    )
    return [
        f"{count} of {total} {what}, {count / total:.1%} where {allowed:.1%} may be."
        for what, count, total in shares
        if total and count > allowed * total
    ]


@dataclass(slots=True)
class Repair:
    """Mends what a :class:`nova_mme.reconcile.comparison.Comparison` has kept.

    :ivar only_deletions: leave holes and stale vectors as they are.
    :ivar done: removed (sources), vectors_deleted (keys named, in all indexes together), reopened (sources),
        left_alone (what is no finding any more, as after an earlier try).
    """

    settings: Settings
    s3: Any
    store: VectorStore
    ledger: Ledger
    only_deletions: bool = False
    done: Counter[str] = field(default_factory=Counter)

    def run(self, folder: S3Uri) -> Counter[str]:
        """Mend all findings below ``folder``; returns the counts."""
        for batch in _cut(read_findings(self.s3, folder, Kind.DEPARTED), _ROWS):
            self._remove(batch)
        for batch in _cut(read_findings(self.s3, folder, Kind.ORPHAN), _KEYS):
            self._delete(batch)
        for kind in () if self.only_deletions else (Kind.HOLE, Kind.STALE):
            for batch in _cut(read_findings(self.s3, folder, kind), _ROWS):
                self._reopen(batch)
        log.info("Mended: %s", dict(self.done))
        return self.done

    def _remove(self, findings: list[Finding]) -> None:
        """First the vectors, then the row: the other way round a crash would make orphans of them."""
        rows = self.ledger.rows(findings)
        quiet = [row for row in rows.values() if not is_in_flight(row)]
        with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
            gone = [
                row for row, is_gone in zip(quiet, pool.map(self._is_gone, quiet), strict=True) if is_gone
            ]
        named = self.store.delete(key for row in gone for key in expectation.keys(row))
        self.done["vectors_deleted"] += named * len(DIMENSIONS)
        removed = sum(map(self._remove_row, gone))
        self.done.update(removed=removed, left_alone=len(findings) - removed)

    def _is_gone(self, row: Row) -> bool:
        place = S3Uri.parse(row.uri)
        owner = {"ExpectedBucketOwner": self.settings.bucket_owner} if self.settings.bucket_owner else {}
        try:
            self.s3.head_object(Bucket=place.bucket, Key=place.key, **owner)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return True
        return False

    def _remove_row(self, row: Row) -> bool:
        if self.ledger.remove(row):
            log.info("Removed %s.", row.uri)
            return True
        self.ledger.reopen(row)  # it was stored meanwhile, and its vectors may be among the deleted
        return False

    def _delete(self, findings: list[Finding]) -> None:
        for dimension in DIMENSIONS:
            told = (VectorKey.parse(item.key) for item in findings if dimension in item.dimensions)
            keys = [key for key in told if key]
            alone = without_row(self.ledger, keys)
            self.store.take_turn(len(alone))
            named = VectorIndex.of(self.store, dimension).delete(map(str, alone))
            self.done.update(vectors_deleted=named, left_alone=len(keys) - named)
            self._reopen_covered(alone)

    def _reopen_covered(self, deleted: list[VectorKey]) -> None:
        """Should a row have come to cover what was just deleted, its source is stored again."""
        rows = self.ledger.rows(deleted)
        again = {key.object_id for key in deleted if expectation.covers(rows.get(key.object_id), key)}
        for name in again:
            self.ledger.reopen(rows[name])

    def _reopen(self, findings: list[Finding]) -> None:
        rows = self.ledger.rows(findings)
        wrong: dict[str, Row] = {}
        for dimension in DIMENSIONS:
            asked = [item.object_id for item in findings if dimension in item.dimensions]
            candidates = [rows[name] for name in asked if name in rows and name not in wrong]
            wrong |= {row.object_id: row for row in self._find_wrong(candidates, dimension)}
        reopened = sum(map(self.ledger.reopen, wrong.values()))
        self.done.update(reopened=reopened, left_alone=len(findings) - reopened)

    def _find_wrong(self, rows: Sequence[Row], dimension: int) -> list[Row]:
        """Those of the rows that are at odds with an index, vector by vector."""
        judged = [row for row in rows if expectation.counts(row) is not None]
        keys = (key for row in judged for key in expectation.keys(row))
        found = VectorIndex.of(self.store, dimension).get(keys, metadata=dimension == DIMENSIONS[0])
        versions = {vector["key"]: read_version(vector) for vector in found}
        return [row for row in judged if _differs(row, versions, dimension == DIMENSIONS[0])]


def _differs(row: Row, versions: Mapping[str, str], versioned: bool) -> bool:
    must_have = expectation.counts(row) or {}
    has: Counter[str] = Counter()
    for text in expectation.keys(row):
        if text in versions:
            has[text.split("/")[1]] += 1
            if versioned and versions[text] != row.version:
                return True
    return any(has[name] != must_have.get(name, 0) for name in expectation.extents(row))


def _cut(findings: Iterable[Finding], size: int) -> Iterator[list[Finding]]:
    iterator = iter(findings)
    while batch := list(islice(iterator, size)):
        yield batch

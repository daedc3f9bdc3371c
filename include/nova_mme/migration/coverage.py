"""Completeness: whether everything that can be found in the old space can be found in the new one as well.

What is read is a snapshot, taken in this order: bucket, the new space's rows, the old space's rows. What changes
meanwhile is in motion, and whatever is told by name is looked up once more first.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.ledger import Ledger
from nova_mme.migration.draw import Draw
from nova_mme.migration.roll import Entry, Roll, hash_version
from nova_mme.reconcile.comparison import is_in_flight, is_inside
from nova_mme.row import Row, Status
from nova_mme.settings import Settings
from nova_mme.source import S3Uri, Source, list_sources, source_of
from nova_mme.store import VectorStore

log = logging.getLogger(__name__)

NAMED = 20
_PAGE = 1000
# Marks of a bucket's roll.
_HERE, _RECENT = 1, 2


class Standing(StrEnum):
    """How a source of the old space stands in the new one."""

    PRESENT = "present"  # stored there, in a version that is not behind
    MISSING = "missing"  # no row, none with vectors, or a job that was never stored
    OUTDATED = "outdated"  # an older version than the old space has
    FAILED = "failed"  # a dead letter there
    IN_MOTION = "in_motion"  # on its way, or changed since the last catch-up
    ARRIVING = "arriving"  # on its way into the old space for the first time: nobody finds it today
    DEPARTED = "departed"  # no longer in the bucket
    OUTSIDE = "outside"  # not below the source URI
    UNSEARCHABLE = "unsearchable"  # has no vectors in the old space either


ELIGIBLE = (Standing.PRESENT, Standing.MISSING, Standing.OUTDATED, Standing.FAILED, Standing.IN_MOTION)
_TOLD = (Standing.MISSING, Standing.OUTDATED, Standing.FAILED)


class _State(IntEnum):
    """How far a source is in the new space; 0 is no row."""

    BARE = 1  # a row without vectors to it
    MOVING = 2
    FAILED = 3
    PARTIAL = 4
    STORED = 5


@dataclass(frozen=True, slots=True)
class Side:
    """A space with what is its own: the indexes and the rows."""

    store: VectorStore
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Absence:
    """A source that can be found today and could not be after a cutover.

    :ivar reason: the dead letter's, with what was said and what to do; empty for the other kinds.
    """

    uri: str
    standing: Standing
    reason: str = ""
    message: str = ""
    next_step: str = ""


@dataclass(slots=True)
class Coverage:
    """What a comparison of two spaces' ledgers has found.

    :ivar tally: how many sources of the old ledger have which :class:`Standing`.
    :ivar partial: how many of the present ones are partial in the new space though whole in the old.
    :ivar absences: the first twenty of each kind, by name.
    :ivar drawn: a sample of the present ones: their rows in the old space.
    """

    tally: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    absences: list[Absence] = field(default_factory=list)
    drawn: list[Row] = field(default_factory=list)

    @property
    def eligible(self) -> int:
        """How many sources are in the bucket and can be found in the old space."""
        return sum(self.tally[standing] for standing in ELIGIBLE)

    @property
    def present(self) -> int:
        """How many of them can be found in the new space."""
        return self.tally[Standing.PRESENT]

    @property
    def in_motion(self) -> int:
        """How many of them are on their way."""
        return self.tally[Standing.IN_MOTION]

    @property
    def share(self) -> float:
        """The share of ``present`` in ``eligible``; 1 when nothing is eligible."""
        return self.present / self.eligible if self.eligible else 1.0

    @property
    def settled_share(self) -> float:
        """What the share will be once everything in motion has arrived."""
        return (self.present + self.in_motion) / self.eligible if self.eligible else 1.0


@dataclass(slots=True)
class CoverageCheck:
    """Compares two spaces' ledgers and the bucket.

    Memory: 13 bytes for each object of the bucket and each row of the new space (34 while they are sorted), the
    names of at most sixty sources and the sample.

    :ivar since: epoch seconds when the last catch-up began: what changed after it is in motion, for the next
        catch-up will take it up; None is now.
    :ivar draw: takes the sample.
    """

    settings: Settings
    s3: Any
    old: Side
    new: Side
    draw: Draw[Row]
    since: float | None = None

    def run(self) -> Coverage:
        """Go through bucket and ledgers once."""
        since = min(time.time(), self.since or time.time())
        bucket = Roll(self._list_bucket(since))
        new = Roll((row.object_id, row.etag, _state_of(row)) for row in self.new.ledger.scan())
        coverage, named = Coverage(), {standing: list[Row]() for standing in _TOLD}
        for rows in _batches(self.old.ledger.scan(), _PAGE):
            ids = [row.object_id for row in rows]
            for row, here, there in zip(rows, bucket.find(ids), new.find(ids), strict=True):
                standing = self._judge(row, here, there, since)
                coverage.tally[standing] += 1
                if standing is Standing.PRESENT:
                    coverage.partial += there.mark == _State.PARTIAL and row.status is Status.STORED
                    self.draw.offer(row.object_id, row)
                elif standing in named and len(named[standing]) < NAMED:
                    named[standing].append(row)
        coverage.drawn = self.draw.take()
        for standing, rows in named.items():
            self._look_again(rows, standing, coverage, since)
        log.info("Coverage: %s", dict(coverage.tally))
        return coverage

    def _list_bucket(self, since: float) -> Iterator[tuple[str, str, int]]:
        settings = self.settings
        owner = settings.bucket_owner or None
        sources = list_sources(self.s3, settings.source_uri, leave_out=settings.output_uri, owner=owner)
        return (_mark(source, since) for source in sources)

    def _judge(self, row: Row, here: Entry, there: Entry, since: float) -> Standing:
        """How a source stands.

        :param row: in the old space.
        :param here: in the bucket.
        :param there: in the new space.
        """
        if not row.segments or row.status is Status.FAILED:
            return Standing.ARRIVING if here.mark and is_in_flight(row) else Standing.UNSEARCHABLE
        if not here.mark:
            return Standing.DEPARTED if is_inside(row, self.settings) else Standing.OUTSIDE
        # Either space may be ahead of the other; the new one is not behind with the old one's version, nor with
        # the bucket's.
        is_even = there.version in (here.version, hash_version(row.etag))
        if there.mark >= _State.PARTIAL and is_even:
            return Standing.PRESENT
        if there.mark == _State.FAILED and is_even:
            return Standing.FAILED
        if there.mark == _State.MOVING or here.mark == _RECENT or is_in_flight(row) or row.updated > since:
            return Standing.IN_MOTION
        return Standing.OUTDATED if there.mark >= _State.FAILED else Standing.MISSING

    def _look_again(self, rows: list[Row], standing: Standing, coverage: Coverage, since: float) -> None:
        """Tell those by name of whom it still holds, and count the others as what they are by now.

        Where more are absent than are named here, the rest is counted as it was seen: the verdict is the same.
        """
        old, new = self.old.ledger.rows(rows), self.new.ledger.rows(rows)
        for row in rows:
            there = new.get(row.object_id)
            entry = Entry(_state_of(there), hash_version(there.etag)) if there else Entry(0, 0)
            before = old.get(row.object_id)
            now = self._judge(before, self._head(before), entry, since) if before else Standing.DEPARTED
            coverage.tally[standing] -= 1
            coverage.tally[now] += 1
            if now in _TOLD:
                coverage.absences.append(_tell(row.uri, now, there))

    def _head(self, row: Row) -> Entry:
        place = S3Uri.parse(row.uri)
        owner = {"ExpectedBucketOwner": self.settings.bucket_owner} if self.settings.bucket_owner else {}
        try:
            answer = self.s3.head_object(Bucket=place.bucket, Key=place.key, **owner)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return Entry(0, 0)
        return Entry(_HERE, hash_version(source_of(place.bucket, place.key, answer).etag))


def _mark(source: Source, since: float) -> tuple[str, str, int]:
    return source.object_id, source.etag, _RECENT if source.modified > since else _HERE


def _state_of(row: Row) -> _State:
    if row.status is Status.FAILED:
        return _State.FAILED
    if row.status is Status.SUBMITTED:
        return _State.MOVING if is_in_flight(row) else _State.BARE
    if not row.segments:
        return _State.BARE
    return _State.STORED if row.status is Status.STORED else _State.PARTIAL


def _tell(uri: str, standing: Standing, there: Row | None) -> Absence:
    if standing is not Standing.FAILED or there is None or there.reason is None:
        return Absence(uri, standing)
    return Absence(uri, standing, there.reason.value, there.message, there.reason.next_step)


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch

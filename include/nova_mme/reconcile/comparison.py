"""Bucket, ledger and indexes compared: who has gone, what nobody owns, what is missing, what is another version's.

Nothing is changed here. Everything that is read is a snapshot, taken in this order: bucket, ledger, indexes.
So a row that changes after the start is not judged, a vector that no row covers is held against the ledger as
it is by then, and whatever is mended later is looked up once more.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nova_mme.ledger import Ledger
from nova_mme.reconcile import expectation
from nova_mme.reconcile.census import BucketCensus, LedgerCensus
from nova_mme.reconcile.finding import Finding, Findings, Kind
from nova_mme.row import Row, Status
from nova_mme.settings import Settings
from nova_mme.source import S3Uri, list_sources
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

log = logging.getLogger(__name__)

# Versions are in the metadata, and it is the same in all four indexes: the smallest is read.
_VERSIONED = DIMENSIONS[0]
# A job that was started may still be stored, whatever became of its object: a run waits six hours for it, and
# its tasks are tried again.
_IN_FLIGHT_SECONDS = 24 * 3600
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """The bucket as it was listed: one listing serves the comparisons of several spaces.

    :ivar started: epoch seconds when the listing began: rows that changed since are not held against it.
    """

    census: BucketCensus
    started: float

    @classmethod
    def take(cls, settings: Settings, s3: Any) -> Listing:
        """List the bucket; 8 bytes of memory for each object."""
        started, owner = time.time(), settings.bucket_owner or None
        sources = list_sources(s3, settings.source_uri, leave_out=settings.output_uri, owner=owner)
        return cls(BucketCensus(sources), started)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: the bucket, and one space's ledger and indexes.

    :ivar check_versions: also read each vector's metadata in the smallest index, to find vectors of another
        version than the row's.
    :ivar only_deletions: look for departed sources and orphans only, not for holes and stale vectors.
    """

    settings: Settings
    s3: Any
    store: VectorStore
    ledger: Ledger
    check_versions: bool = True
    only_deletions: bool = False

    def run(self, findings: Findings, listing: Listing | None = None) -> None:
        """Compare all of it; memory is that of :mod:`nova_mme.reconcile.census`, however much is found.

        :param listing: the bucket's, when it was listed before; it is listed now by default.
        :raises BadSetting: when an index is missing.
        """
        listing = listing or Listing.take(self.settings, self.s3)
        started = listing.started
        census = self._scan(listing.census, findings, started)
        census.close()
        for number, dimension in enumerate(DIMENSIONS):
            self._list_index(dimension, census, findings)
            census.close_index(number)
        if census.has_wrong():
            self._name_wrong(census, findings, started)
        log.info("Found: %s", dict(findings.tally))

    def _scan(self, bucket: BucketCensus, findings: Findings, started: float) -> LedgerCensus:
        census, tally = LedgerCensus(), findings.tally
        for rows in _batches(self.ledger.scan(), _PAGE):
            here = bucket.hold([row.object_id for row in rows]).tolist()
            tally["known"] += sum(here)
            for row, is_here in zip(rows, here, strict=True):
                standing = "here" if is_here else self._judge_absent(row)
                if row.updated > started:
                    standing = "in_motion"
                census.add(row, judged=standing == "here" and not self.only_deletions)
                _count(tally, row, inside=standing != "outside")
                if standing == Kind.DEPARTED:
                    tally["departed_holding"] += _holds_vectors(row)
                    findings.add(_find(Kind.DEPARTED, row))
                elif standing != "here":
                    tally[standing] += 1
        tally["objects"] = len(bucket)
        return census

    def _judge_absent(self, row: Row) -> str:
        """What it means that the row's object was not in the listing."""
        if not is_inside(row, self.settings):
            return "outside"
        return "in_motion" if is_in_flight(row) else Kind.DEPARTED.value

    def _list_index(self, dimension: int, census: LedgerCensus, findings: Findings) -> None:
        versioned = self.check_versions and not self.only_deletions and dimension == _VERSIONED
        for page in VectorIndex.of(self.store, dimension).pages(metadata=versioned):
            parsed = [(VectorKey.parse(vector["key"]), vector) for vector in page]
            ours = [(key, vector) for key, vector in parsed if key]
            findings.tally.update(vectors=len(page), foreign=len(page) - len(ours))
            keys = [key for key, _ in ours]
            versions = [read_version(vector) for _, vector in ours] if versioned else None
            covered = census.count(keys, versions).tolist()
            alone = [key for key, is_covered in zip(keys, covered, strict=True) if not is_covered]
            for key in without_row(self.ledger, alone):
                findings.add(Finding(Kind.ORPHAN, key.object_id, (dimension,), key=str(key)))

    def _name_wrong(self, census: LedgerCensus, findings: Findings, started: float) -> None:
        # The census knows numbers, and names are needed now: the ledger is scanned once more.
        for row in self.ledger.scan():
            short, other = census.tell(row)
            if not (short or other):
                continue
            if row.updated > started or expectation.counts(row) is None:
                findings.tally["in_motion"] += 1
            elif short:
                findings.add(_find(Kind.HOLE, row, short))
            else:
                findings.add(_find(Kind.STALE, row, other))


def is_inside(row: Row, settings: Settings) -> bool:
    """Whether the row's object is one that the deployment's listing would show."""
    place = S3Uri.parse(row.uri)
    output = S3Uri.parse(settings.output_uri)
    return S3Uri.parse(settings.source_uri).contains(place) and not output.contains(place)


def is_in_flight(row: Row) -> bool:
    """Whether a job of it may still be stored."""
    return row.status is Status.SUBMITTED and row.updated > time.time() - _IN_FLIGHT_SECONDS


def without_row(ledger: Ledger, keys: list[VectorKey]) -> list[VectorKey]:
    """Those of the keys that no row covers, as the ledger is now.

    Asked after a vector was seen, the answer is final: a row that covers a vector is written before the vector.
    """
    rows = ledger.rows(keys)
    return [key for key in keys if not expectation.covers(rows.get(key.object_id), key)]


def read_version(vector: Mapping[str, Any]) -> str:
    """What a vector says of its source's version, in the form of :attr:`Row.version`."""
    metadata = vector.get("metadata") or {}
    return f"{metadata.get('etag', '')}/{metadata.get('recipe', '')}"


def _count(tally: Counter[str], row: Row, *, inside: bool) -> None:
    tally["sources"] += 1
    tally["stored"] += inside and expectation.counts(row) is not None
    tally["holding"] += inside and _holds_vectors(row)


def _holds_vectors(row: Row) -> bool:
    return bool(expectation.extents(row))


def _find(kind: Kind, row: Row, dimensions: tuple[int, ...] = DIMENSIONS) -> Finding:
    vectors = sum(expectation.extents(row).values())
    return Finding(kind, row.object_id, dimensions, uri=row.uri, vectors=vectors)


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch

"""Vectors made once more from the outputs that were kept in S3, while the space lives on; Bedrock is not asked."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.harvest import Harvest
from nova_mme.intake import Intake
from nova_mme.invocation import ResultFinder
from nova_mme.ledger import Ledger
from nova_mme.migration.retreat import Retreat
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.reconcile import expectation
from nova_mme.row import Row, Status
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.shard import Shard
from nova_mme.source import S3Uri
from nova_mme.store import VectorStore
from nova_mme.submit import invocation_folder
from nova_mme.vector_key import VectorKey
from nova_mme.vector_writer import VectorWriter

log = logging.getLogger(__name__)

# As many as one BatchGetItem takes.
_ROWS = 100
_LOOKUP_THREADS = 8
_NAMED = 20
_STORED = (Status.STORED, Status.PARTIAL)


@dataclass(frozen=True, slots=True)
class KeptRecipe(Recipe):
    """A recipe of which the ledger has kept the fingerprint alone; that is all that a vector tells of it.

    ``preprocessing`` is this version's: it only says where the text of a .docx was kept, and a text that is not
    found there is counted (``without_text``).
    """

    kept: str = ""

    @property
    def fingerprint(self) -> str:
        """The one that was kept."""
        return self.kept


@dataclass(slots=True)
class Replay:
    """One pass over the ledger.

    :ivar counts: ``vectors_<dimension>``, sources, expired, without_text (sources whose words could not be read any
        more), not_stored (rows whose vectors are an earlier version's), and those of :class:`Retreat`.
    :ivar expired: the first 20 URIs whose outputs are not there any more.
    """

    settings: Settings
    s3: Any
    store: VectorStore
    ledger: Ledger
    dimensions: Sequence[int]
    counts: Counter[str] = field(default_factory=Counter)
    expired: list[str] = field(default_factory=list)
    _error: Exception | None = None

    def run(self) -> None:
        """Put what the outputs of all stored sources hold.

        :raises ClientError: when something could not be read or put; another try begins anew.
        """
        waiting: list[Intake] = []
        with (
            VectorWriter(self.store, self.dimensions) as writer,
            ThreadPoolExecutor(_LOOKUP_THREADS) as lookups,
        ):
            try:
                for intake in self._bring_in(waiting, writer, lookups):
                    log.debug("Read %s.", intake.source.uri)
                    waiting[:] = self._finish_settled(waiting)
                    if self._error:
                        break
            finally:  # whatever has stopped it: what was put is looked at again
                writer.drain()
                self._finish([intake for intake in waiting if intake.is_read or _may_be_put(intake)])
        if self._error:
            raise self._error

    def _bring_in(self, waiting: list[Intake], writer: VectorWriter, lookups: Executor) -> Iterator[Intake]:
        """Read one source after the other; each is among those waiting before anything of it is put."""
        for rows in _cut(self.ledger.scan(), _ROWS):
            kept = list(self._choose(rows, lookups))
            for recipe, its in _by_recipe(kept).items():
                intakes = [_take_up(row) for row in its]
                waiting += intakes
                shard = Shard(0, self.settings, self.store.space, Run(recipe), ())
                yield from Harvest(shard, self.s3, None, self.ledger, writer, lookups).bring_in(intakes)

    def _choose(self, rows: Iterable[Row], lookups: Executor) -> Iterator[Row]:
        """Those that are stored, and whose outputs are all there; of a single file its reading will tell."""
        for row in rows:
            if row.status not in _STORED:
                self.counts["not_stored"] += bool(expectation.extents(row))
            elif _is_of_parts(row) and not self._is_kept(row, lookups):
                self._note_expired(row.uri)
            else:
                yield row

    def _is_kept(self, row: Row, lookups: Executor) -> bool:
        """Whether there is output for all that was stored; of a page whose job has failed there never was any."""
        arns = list(filter(None, row.invocation_arns))
        found = sum(lookups.map(lambda arn: self._has_output(row, arn), arns))
        if len(row.invocation_arns) == 1:
            return found == 1
        return found >= sum((expectation.counts(row) or {}).values())

    def _has_output(self, row: Row, arn: str) -> bool:
        finder = ResultFinder(self.s3, None, self.settings.bucket_owner or None)
        folder = invocation_folder(self.settings, self.store.space, row)
        results = finder.find(arn, row.uri, given_uri=row.uri, folder=folder)
        files = [file for file in results.files if not file.failed]
        return bool(files) and all(self._exists(S3Uri.parse(file.uri)) for file in files)

    def _exists(self, place: S3Uri) -> bool:
        owner = {"ExpectedBucketOwner": self.settings.bucket_owner} if self.settings.bucket_owner else {}
        try:
            self.s3.head_object(Bucket=place.bucket, Key=place.key, **owner)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def _note_expired(self, uri: str) -> None:
        self.counts["expired"] += 1
        if len(self.expired) < _NAMED:
            self.expired.append(uri)
            log.warning("%s: its job's output is not there any more. Nothing of it was changed.", uri)

    def _finish_settled(self, waiting: Iterable[Intake]) -> list[Intake]:
        """Bring those to their end of which nothing more will come; returns the others."""
        intakes = list(waiting)
        self._finish([intake for intake in intakes if intake.is_settled])
        return [intake for intake in intakes if not intake.is_settled]

    def _finish(self, intakes: list[Intake]) -> None:
        """Look again at what has been put."""
        rows = self.ledger.rows(intake.source for intake in intakes)
        for intake in intakes:
            whole = self._judge(intake)
            if whole or _may_be_put(intake):
                self._check(intake, rows.get(intake.source.object_id), whole=whole)

    def _judge(self, intake: Intake) -> bool:
        """Whether all that its outputs hold was read, and put or refused; notes why not."""
        problem = intake.find_problem()
        if not intake.is_read or problem is None:
            return intake.is_read
        if not isinstance(problem, BadSource):
            self._error = self._error or problem
        elif problem.reason is Reason.NO_OUTPUT:
            self._note_expired(intake.source.uri)
        else:
            return True
        return False

    def _check(self, intake: Intake, row: Row | None, *, whole: bool) -> None:
        """Give way to whatever has happened to the source meanwhile; count it when nothing has.

        :param row: as it is now.
        :param whole: all that its outputs hold was read, and put or refused.
        """
        if row == intake.row and not self._confirm(intake.row):
            row = self.ledger.rows([intake.source]).get(intake.source.object_id)
        if row is None:
            keys = [VectorKey.parse(text) for text in expectation.keys(intake.row)]
            self._retreat.withdraw([key for key in keys if key], {})
        elif row != intake.row or (whole and _differs(intake)):
            self._retreat.reopen(row, intake.reached)
        elif whole:
            self._count(intake)

    def _confirm(self, row: Row) -> bool:
        """Note once more what is noted; False when the row is another one by now, or gone.

        Whoever removes a source deletes its vectors first, and the row only if that is as it was before.
        """
        return self.ledger.stored(
            row.source,
            KeptRecipe(Modality(row.modality), kept=row.recipe),
            segments=row.segments,
            counts=row.counts,
            invocation_arn=row.invocation_arn,
            failed_segments=row.failed_segments,
            reason=row.reason,
            message=row.message,
            disturbed=row.disturbed,
        )

    def _count(self, intake: Intake) -> None:
        put = sum(intake.counts.values())
        self.counts.update({f"vectors_{dimension}": put for dimension in self.dimensions})
        self.counts.update(sources=1, without_text=bool(intake.silent))

    @property
    def _retreat(self) -> Retreat:
        return Retreat(self.store, self.ledger, self.dimensions, self.counts)


def _take_up(row: Row) -> Intake:
    return Intake(row.source, row, dict(expectation.extents(row)), processed=row.updated)


def _by_recipe(rows: Iterable[Row]) -> Mapping[KeptRecipe, list[Row]]:
    groups: dict[KeptRecipe, list[Row]] = defaultdict(list)
    for row in rows:
        groups[KeptRecipe(Modality(row.modality), kept=row.recipe)].append(row)
    return groups


def _is_of_parts(row: Row) -> bool:
    """Whether its output is more than one file, so that some of it could be put before others are missed."""
    return len(row.invocation_arns) > 1 or len(row.segments) > 1


def _may_be_put(intake: Intake) -> bool:
    """Whether something of it may be in an index; a put that broke is no BadSource."""
    return bool(
        intake.indexes or intake.spoiled or (intake.error and not isinstance(intake.error, BadSource))
    )


def _differs(intake: Intake) -> bool:
    """Whether the outputs hold other segments than the ledger has counted."""
    expected = expectation.counts(intake.row)
    return expected is not None and dict(expected) != intake.counts


def _cut(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch

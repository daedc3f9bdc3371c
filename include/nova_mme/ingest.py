"""The store step: from a shard's finished jobs to vectors in four indexes and rows in the ledger."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.invocation import (
    Block,
    ResultFile,
    Segment,
    SegmentFailure,
    output_folder,
    read_blocks,
    read_summary,
)
from nova_mme.ledger import Ledger, Row, Status
from nova_mme.matryoshka import truncate
from nova_mme.metadata import TEXT_BYTES, cut_text, describe_segment, describe_source
from nova_mme.modality import Modality
from nova_mme.outcome import Outcome
from nova_mme.recipe import Recipe
from nova_mme.shard import Shard, Work
from nova_mme.source import S3Uri, Source
from nova_mme.source_text import SourceText
from nova_mme.space import DIMENSIONS
from nova_mme.store import VectorStore
from nova_mme.submit import invocation_folder
from nova_mme.vector_batch import VectorBatch

log = logging.getLogger(__name__)

# A failed job is worth another one when Bedrock's own sentence says that the fault was not the source's.
_PASSING = re.compile(r"internal|throttl|try again|unavailable|timed? ?out|capacity", re.IGNORECASE)


@dataclass(slots=True)
class Stored:
    """What of a source is in the indexes now.

    :ivar reached: embedding type -> up to where the ledger knows that vectors may be.
    """

    reached: dict[str, int]
    indexes: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    failures: list[SegmentFailure] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Embedding type -> segments stored."""
        return {name: len(indexes) for name, indexes in self.indexes.items()}

    @property
    def extents(self) -> dict[str, int]:
        """Embedding type -> highest segment index + 1: below it every key of this source lies."""
        return {name: max(indexes) + 1 for name, indexes in self.indexes.items()}


@dataclass(frozen=True, slots=True)
class Ingest:
    """Stores what a shard's jobs have produced.

    Clients are boto3's; ``s3vectors`` lives in ``store``, DynamoDB in ``ledger``.
    """

    shard: Shard
    s3: Any
    bedrock: Any
    store: VectorStore
    ledger: Ledger

    def run(self) -> list[Outcome]:
        """Store every source of the shard that can be stored; one source's trouble stays its own.

        What a second try may mend (a throttled call, a job that still runs) comes back as an outcome with
        a retryable reason and leaves its ledger row as it was, for this task's next try or the next run.
        """
        rows = self.ledger.rows(work.source for work in self.shard.works)
        return [self._outcome(work, rows.get(work.source.object_id)) for work in self.shard.works]

    def _outcome(self, work: Work, row: Row | None) -> Outcome:
        uri, recipe = work.source.uri, self.shard.run.recipe
        if row is None:
            return Outcome.of_failure(uri, Reason.NOT_FINISHED, "No job was started for it.")
        if not row.is_about(work.source, recipe):
            if row.version == work.seen:
                return Outcome.of_failure(uri, Reason.NOT_FINISHED, "No job was started for this version.")
            return Outcome(uri, "superseded", message="A newer version of it was taken up meanwhile.")
        if row.status is not Status.SUBMITTED:
            return _outcome_of(row)
        try:
            return self._store(work.source, row, recipe)
        except BadSource as bad:
            log.warning("%s", bad)
            if bad.reason is not Reason.NOT_FINISHED:
                self.ledger.failed(
                    work.source,
                    recipe,
                    attempt=row.attempt,
                    reason=bad.reason,
                    message=bad.message,
                    only_this_version=True,
                )
            return Outcome.of_failure(uri, bad.reason, bad.message, row.invocation_arn)
        except (ClientError, BotoCoreError) as error:
            log.warning("%s: %s", uri, error)
            return Outcome.of_failure(uri, Reason.NOT_FINISHED, str(error), row.invocation_arn)

    def _store(self, source: Source, row: Row, recipe: Recipe) -> Outcome:
        started = time.monotonic()
        folder = self._find_output(source, row)
        stored = Stored(reached=dict(row.reached))
        for file in read_summary(self.s3, folder, source.uri, owner=self._owner):
            self._store_file(file, source, row, stored)
        if not stored.indexes:
            first = next(iter(stored.failures), None)
            reason = first.reason if first else Reason.NO_OUTPUT
            raise BadSource(source.uri, reason, first.message if first else "The job's output is empty.")
        left_over = self._delete_left_over(source, stored)
        outcome = self._note(source, recipe, stored, left_over, row.invocation_arn)
        log.info("%s: %s in %.2f s.", source.uri, stored.counts, time.monotonic() - started)
        return outcome

    @property
    def _owner(self) -> str | None:
        return self.shard.settings.bucket_owner or None

    def _find_output(self, source: Source, row: Row) -> S3Uri:
        arn = row.invocation_arn
        try:
            invocation = self.bedrock.get_async_invoke(invocationArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFoundException"):
                raise
            # How long Bedrock remembers a job is not published; its output may well outlive it.
            work = Work(source, row.attempt, "")
            return invocation_folder(self.shard.settings, work).join(arn.rsplit("/", 1)[-1])
        if invocation["status"] == "InProgress":
            raise BadSource(source.uri, Reason.NOT_FINISHED, f"Its job {arn} is still in progress.")
        if invocation["status"] == "Failed":
            message = invocation.get("failureMessage") or "Bedrock gave no reason."
            told = message.replace(source.uri, "")  # its own name tells nothing
            reason = Reason.TRANSIENT if _PASSING.search(told) else Reason.JOB_FAILED
            raise BadSource(source.uri, reason, message)
        return output_folder(invocation)

    def _store_file(self, file: ResultFile, source: Source, row: Row, stored: Stored) -> None:
        try:
            if not file.uri:
                raise BadSource(source.uri, Reason.NO_OUTPUT, "The job's summary names no file.")
            self._store_blocks(file, source, row, stored)
        except BadSource as bad:
            if not file.failed:
                raise
            message = file.message or bad.message
            stored.failures.append(SegmentFailure(file.embedding_type, 0, file.reason, message))

    def _store_blocks(self, file: ResultFile, source: Source, row: Row, stored: Stored) -> None:
        shared = describe_source(
            source,
            self.shard.run.recipe,
            self.store.space,
            media_format=row.media_format,
            content_type=row.content_type,
            processed=int(time.time()),
        )
        for block, texts in self._blocks(file, source):
            stored.failures += block.failures
            documents = [
                describe_segment(shared, segment, text)
                for segment, text in zip(block.segments, texts, strict=True)
            ]
            if documents:
                self._reach(source, file.embedding_type, block, stored)
                self._put(source, block, documents)
            for segment in block.segments:
                stored.indexes[segment.embedding_type].add(segment.index)

    def _blocks(self, file: ResultFile, source: Source) -> Iterator[tuple[Block, list[str]]]:
        text = None
        if self.shard.run.modality is Modality.TEXT:
            text = SourceText(self.s3, source, owner=self._owner)
        for block in read_blocks(self.s3, file, source.uri, owner=self._owner):
            spans = ((segment.start_character, segment.end_character) for segment in block.segments)
            # Cut here already: a block of whole segments could be millions of characters.
            yield block, [cut_text(text.read(start, end), TEXT_BYTES) if text else "" for start, end in spans]

    def _put(self, source: Source, block: Block, documents: list[dict[str, Any]]) -> None:
        keys = [vector_key(source.object_id, segment) for segment in block.segments]
        for dimension in DIMENSIONS:
            described = [{**document, "embeddingDimension": dimension} for document in documents]
            self.store.put(dimension, VectorBatch(keys, truncate(block.matrix, dimension), described))

    def _reach(self, source: Source, embedding_type: str, block: Block, stored: Stored) -> None:
        """Note how far the block reaches, before it is put."""
        extent = max(segment.index for segment in block.segments) + 1
        if stored.reached.get(embedding_type, 0) < extent:
            self.ledger.reach(source, embedding_type, extent)
            stored.reached[embedding_type] = extent

    def _delete_left_over(self, source: Source, stored: Stored) -> set[str]:
        """Delete what earlier versions and broken tries left behind, after the new vectors are in.

        The row is read once more: another run may have put something meanwhile.

        :returns: the embedding types that were looked at.
        """
        row = self.ledger.rows([source]).get(source.object_id)
        reached = Counter(row.reached if row else {}) | Counter(row.segments if row else {})
        left = [
            vector_key(source.object_id, Segment(name, index))
            for name, extent in reached.items()
            for index in range(extent)
            if index not in stored.indexes.get(name, ())
        ]
        if left:
            log.info("%s: deleting %d segments that are no longer its own.", source.uri, len(left))
            self.store.delete(left)
        return set(reached)

    def _note(self, source: Source, recipe: Recipe, stored: Stored, left_over: set[str], arn: str) -> Outcome:
        failures = stored.failures
        # One that may pass goes before the others: it is why the source is worth another try.
        worst = next((item for item in failures if item.reason.retryable), next(iter(failures), None))
        reason, message = (worst.reason, _tell(failures)) if worst else (None, "")
        noted = self.ledger.stored(
            source,
            recipe,
            segments=stored.extents,
            reached=left_over,
            invocation_arn=arn,
            failed_segments=len(failures),
            reason=reason,
            message=message,
        )
        if not noted:  # a newer version was stored while this one was put: have it stored over this one
            for name, extent in stored.extents.items():
                self.ledger.reach(source, name, extent)
            self.ledger.reopen(source)
            return Outcome(source.uri, "superseded", message="A newer version of it was taken up meanwhile.")
        status = "partial" if failures else "stored"
        return Outcome(source.uri, status, stored.counts, len(failures), reason or "", message, arn)


def vector_key(object_id: str, segment: Segment) -> str:
    """``<object id>/<embedding type>/<segment index>``: the type is in it because AUDIO_VIDEO_SEPARATE
    gives every index twice."""
    return f"{object_id}/{segment.embedding_type}/{segment.index}"


def _tell(failures: list[SegmentFailure]) -> str:
    shown = "; ".join(f"{item.embedding_type} {item.index}: {item.message}" for item in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return f"{len(failures)} segment(s) failed: {shown}{more}"


def _outcome_of(row: Row) -> Outcome:
    """What an earlier try of this task (or another run) has noted already."""
    reason = row.reason.value if row.reason else ""
    segments = {} if row.status is Status.FAILED else row.segments
    return Outcome(
        row.uri, row.status.value, segments, row.failed_segments, reason, row.message, row.invocation_arn
    )

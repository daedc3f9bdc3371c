"""Reads what a shard's jobs have written, source by source, and hands the vectors over to be put."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme.documents.rendition import Rendition, name_renditions
from nova_mme.errors import BadSetting, BadSource, Reason
from nova_mme.intake import Intake
from nova_mme.invocation import ResultFile, ResultFinder, Results
from nova_mme.ledger import Ledger
from nova_mme.metadata import TEXT_BYTES, cut_text, describe_segment, describe_source, encode_document
from nova_mme.modality import Modality
from nova_mme.output_file import Block, OutputReader
from nova_mme.output_line import LineParser
from nova_mme.segment import PAGE_TYPE, Segment, SegmentFailure, vector_key
from nova_mme.shard import Shard
from nova_mme.source import S3Uri
from nova_mme.source_text import SourceText
from nova_mme.submit import invocation_folder
from nova_mme.vector_writer import Entry, VectorWriter

# Jobs that are looked up ahead of the one whose output is read: a document has a job per page, and each takes
# two calls.
_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a source.

    :ivar arn: empty where there was nothing to start a job for.
    """

    intake: Intake
    rendition: Rendition
    arn: str


@dataclass(frozen=True, slots=True)
class Harvest:
    """The way from jobs to vectors.

    :ivar bedrock: None: the outputs that are kept are read, and nobody is asked what became of their jobs.
    :ivar lookups: threads that look jobs up meanwhile.
    """

    shard: Shard
    s3: Any
    bedrock: Any
    ledger: Ledger
    writer: VectorWriter
    lookups: Executor
    _parser: LineParser = field(default_factory=LineParser)

    def bring_in(self, intakes: Iterable[Intake]) -> Iterator[Intake]:
        """Read one source after the other; yields each when it is read, though not yet put.

        What is wrong with a source is kept in it, and the next one goes on.

        :raises IndexMismatch: when an index turns out to have another shape.
        """
        jobs = [(intake, self._jobs(intake)) for intake in intakes]
        found = self._look_up(job for _, its in jobs for job in its)
        for intake, its in jobs:
            self._read_source(intake, its, found)
            intake.is_read = True
            yield intake

    def _jobs(self, intake: Intake) -> list[Job]:
        arns, settings = intake.row.invocation_arns, self.shard.settings
        renditions = name_renditions(
            intake.source, self.shard.run.recipe, intake.row.media_format, len(arns), settings.output_uri
        )
        return [Job(intake, rendition, arn) for rendition, arn in zip(renditions, arns, strict=True)]

    def _look_up(self, jobs: Iterable[Job]) -> Iterator[Future[Results]]:
        ahead: deque[Future[Results]] = deque()
        for job in jobs:
            ahead.append(self.lookups.submit(self._find, job))
            if len(ahead) > _AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _find(self, job: Job) -> Results:
        source = job.intake.source
        if not job.arn:
            message = "It could not be rendered, or Bedrock refused it: the log of its submit task says more."
            return Results(problem=BadSource(source.uri, Reason.BAD_SEGMENT, message))
        finder = ResultFinder(self.s3, self.bedrock, self._owner)
        folder = invocation_folder(self.shard.settings, self.shard.space, source)
        return finder.find(job.arn, source.uri, given_uri=job.rendition.uri, folder=folder)

    @property
    def _owner(self) -> str | None:
        return self.shard.settings.bucket_owner or None

    def _read_source(self, intake: Intake, jobs: Sequence[Job], found: Iterator[Future[Results]]) -> None:
        reader = OutputReader(self.s3, intake.source.uri, self._owner, self._parser)
        shared = describe_source(
            intake.source,
            self.shard.run.recipe,
            self.writer.space,
            media_format=intake.row.media_format,
            content_type=intake.row.content_type,
            processed=intake.processed or int(time.time()),
        )
        for job, results in zip(jobs, found, strict=False):  # the others are of later sources
            intake.error = intake.error or self.writer.fault
            try:
                if intake.error is None:
                    self._read_job(job, results.result(), reader, shared)
            except (BadSource, ClientError, BotoCoreError) as error:
                intake.error = error

    def _read_job(self, job: Job, results: Results, reader: OutputReader, shared: dict[str, Any]) -> None:
        intake, page = job.intake, job.rendition.page
        intake.job_seconds += results.seconds
        try:
            if results.problem:
                raise results.problem
            for file in results.files:
                self._read_file(file, job, reader, shared)
        except BadSource as bad:
            if page is None or bad.reason is Reason.NOT_FINISHED:
                raise
            intake.failures.append(SegmentFailure(PAGE_TYPE, page, bad.reason, bad.message))

    def _read_file(self, file: ResultFile, job: Job, reader: OutputReader, shared: dict[str, Any]) -> None:
        intake, page = job.intake, job.rendition.page
        try:
            if not file.uri:
                raise BadSource(intake.source.uri, Reason.NO_OUTPUT, "The job's summary names no file.")
            text = self._open_text(job)
            for block in reader.read(file, page=page):
                self._hand_over(block, file.embedding_type, intake, text, shared)
                if intake.error:
                    return
        except BadSource as bad:
            if not file.failed:
                raise
            failure = SegmentFailure(file.embedding_type, page or 0, file.reason, file.message or bad.message)
            intake.failures.append(failure)

    def _open_text(self, job: Job) -> SourceText | None:
        """What the segments of a text say; a document's text lies where its content's version has a place of its own."""
        source, rendition = job.intake.source, job.rendition
        if rendition.modality is not Modality.TEXT:
            return None
        etag = source.etag if rendition.uri == source.uri else ""
        return SourceText(self.s3, S3Uri.parse(rendition.uri), etag, owner=self._owner)

    def _hand_over(
        self, block: Block, kind: str, intake: Intake, text: SourceText | None, shared: dict[str, Any]
    ) -> None:
        intake.failures += block.failures
        if intake.reached.get(kind, 0) < block.extent:
            # Before anything is put: should this task die, the next one knows what may be left behind.
            self.ledger.reach(intake.source, kind, block.extent)
            intake.reached[kind] = block.extent
        for segment, vector in zip(block.segments, block.vectors, strict=True):
            words = _say(text, segment)
            intake.silent += text is not None and not words
            try:
                document = encode_document(describe_segment(shared, segment, words))
            except BadSetting as error:
                intake.fail(segment, Reason.VECTORS_REFUSED, str(error))
                continue
            intake.waiting += 1
            key = vector_key(intake.source.object_id, kind, segment.index)
            self.writer.add(Entry(key, document, segment, intake), vector)


def _say(text: SourceText | None, segment: Segment) -> str:
    """What a segment says; cut here already, for a block of whole segments could be millions of characters."""
    return cut_text(text.read(segment.start_character, segment.end_character), TEXT_BYTES) if text else ""

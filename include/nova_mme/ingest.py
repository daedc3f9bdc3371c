"""The store step: from a shard's finished jobs to vectors in four indexes and rows in the ledger."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.harvest import Harvest
from nova_mme.intake import Intake
from nova_mme.ledger import Ledger
from nova_mme.outcome import Outcome
from nova_mme.row import Row, Status
from nova_mme.segment import vector_key
from nova_mme.shard import Shard, Work
from nova_mme.store import VectorStore
from nova_mme.vector_writer import VectorWriter

log = logging.getLogger(__name__)

_LOOKUP_THREADS = 4


@dataclass(frozen=True, slots=True)
class Ingest:
    """Stores what a shard's jobs have produced.

    Clients are boto3's and serve several threads; ``s3vectors`` lives in ``store``, DynamoDB in ``ledger``.

    :ivar is_broke: sources without a job were left on purpose: the money for them is not there.
    """

    shard: Shard
    s3: Any
    bedrock: Any
    store: VectorStore
    ledger: Ledger
    is_broke: bool = False

    def run(self) -> list[Outcome]:
        """Store every source of the shard that can be stored; one source's trouble stays its own.

        What a second try may mend (a throttled call, a job that still runs), or what is wrong with the deployment
        (a call that is denied), comes back as outcomes of the reason NOT_FINISHED, and leaves the ledger rows as
        they were, for this task's next try or the next run.

        :raises ClientError: when the ledger cannot be read at the beginning.
        :raises IndexMismatch: when the indexes hold another space's vectors, or one has another shape.
        """
        rows = self.ledger.rows(work.source for work in self.shard.works)
        ends = [self._take_up(work, rows.get(work.source.object_id)) for work in self.shard.works]
        self._store([end for end in ends if isinstance(end, Intake)])
        return [end if isinstance(end, Outcome) else _require(end.outcome) for end in ends]

    def _take_up(self, work: Work, row: Row | None) -> Intake | Outcome:
        """The source as something to be stored, or what became of it already."""
        uri = work.source.uri
        if row is None:
            return self._explain_unstarted(uri, "No job was started for it.")
        if not row.is_about(work.source, self.shard.run.recipe):
            if row.version == work.seen:
                return self._explain_unstarted(uri, "No job was started for this version.")
            return _superseded(uri)
        if self.is_broke and row.attempt < work.attempt:
            return self._explain_unstarted(uri, "No further attempt was started.")
        if row.status is not Status.SUBMITTED:
            return _outcome_of(row)
        return Intake(work.source, row, dict(row.reached))

    def _explain_unstarted(self, uri: str, message: str) -> Outcome:
        if self.is_broke:
            return Outcome(uri, "left", message="max_cost_usd is spent; the next run takes it up.")
        return Outcome.of_failure(uri, Reason.NOT_FINISHED, message)

    def _store(self, intakes: list[Intake]) -> None:
        if not intakes:
            return
        self._check_space()
        unfinished = intakes
        with VectorWriter(self.store) as writer, ThreadPoolExecutor(_LOOKUP_THREADS) as lookups:
            harvest = Harvest(self.shard, self.s3, self.bedrock, self.ledger, writer, lookups)
            for _ in harvest.bring_in(intakes):
                unfinished = self._finish_settled(unfinished)
            writer.drain()
        self._finish_settled(unfinished)

    def _check_space(self) -> None:
        try:
            self.store.check_space()
        except (ClientError, BotoCoreError) as error:  # each put will say so too, and is accounted for
            log.warning("Whose vectors the indexes hold cannot be seen: %s", error)

    def _finish_settled(self, intakes: list[Intake]) -> list[Intake]:
        """Bring those to their end of which nothing more will come; returns the others."""
        settled = [intake for intake in intakes if intake.is_settled]
        # Once more, after the vectors are in: another run may have put something meanwhile.
        rows = self._read_again(intake for intake in settled if not intake.find_problem())
        for intake in settled:
            intake.outcome = replace(
                self._finish(intake, rows.get(intake.source.object_id)),
                note=intake.row.note,
                job_seconds=round(intake.job_seconds, 3),
            )
        return [intake for intake in intakes if not intake.is_settled]

    def _read_again(self, intakes: Iterable[Intake]) -> Mapping[str, Row]:
        asked = list(intakes)
        try:
            return self.ledger.rows(intake.source for intake in asked)
        except (ClientError, BotoCoreError) as error:
            for intake in asked:
                intake.error = error
            return {}

    def _finish(self, intake: Intake, row: Row | None) -> Outcome:
        uri, arn = intake.source.uri, intake.row.invocation_arn
        problem = intake.find_problem()
        try:
            if isinstance(problem, BadSource):
                log.warning("%s", problem)
                return self._note_failed(intake, problem)
            if problem:
                raise problem
            return self._note_stored(intake, row)
        except (ClientError, BotoCoreError) as error:
            log.warning("%s: %s", uri, error)
            return Outcome.of_failure(uri, Reason.NOT_FINISHED, str(error), arn)

    def _note_failed(self, intake: Intake, bad: BadSource) -> Outcome:
        source = intake.source
        if bad.reason is not Reason.NOT_FINISHED:
            self._delete(intake, intake.spoiled)
            self.ledger.failed(
                source,
                self.shard.run.recipe,
                attempt=intake.row.attempt,
                reason=bad.reason,
                message=bad.message,
                only_this_version=True,
            )
        return Outcome.of_failure(source.uri, bad.reason, bad.message, intake.row.invocation_arn)

    def _note_stored(self, intake: Intake, row: Row | None) -> Outcome:
        """Delete what is left over, after the new vectors are in, and note what is stored.

        :param row: as it is now.
        """
        source, recipe, arn = intake.source, self.shard.run.recipe, intake.row.invocation_arn
        if row is None:  # the source was removed while its vectors were put: they have to go as well
            self._delete(intake, _every_index(intake.reached))
            return _superseded(source.uri)
        if not row.is_about(source, recipe) or row.invocation_arn != arn:
            return self._give_way(intake)
        # Of earlier versions, broken tries, and what this one was refused.
        reached = dict(Counter(row.reached) | Counter(row.segments))
        every = _every_index(reached)
        self._delete(intake, {kind: every[kind] - intake.indexes.get(kind, set()) for kind in every})
        failures, (reason, message) = len(intake.failures), intake.tell_failures()
        noted = self.ledger.stored(
            source,
            recipe,
            segments=intake.extents,
            counts=intake.counts,
            reached=reached,
            invocation_arn=arn,
            failed_segments=failures,
            reason=reason,
            message=message,
            disturbed=intake.row.disturbed,
        )
        if not noted:
            return self._explain_refusal(intake)
        log.info("%s: %s.", source.uri, intake.counts)
        status = "partial" if failures else "stored"
        return Outcome(source.uri, status, intake.counts, failures, reason or "", message, arn)

    def _explain_refusal(self, intake: Intake) -> Outcome:
        """Why the ledger would not note it as stored: it is another's by now, or was put over meanwhile."""
        source, arn = intake.source, intake.row.invocation_arn
        row = self.ledger.rows([source]).get(source.object_id)
        if row and row.is_about(source, self.shard.run.recipe) and row.invocation_arn == arn:
            message = "Vectors of another version were put over its own; it has to be stored once more."
            return Outcome.of_failure(source.uri, Reason.NOT_FINISHED, message, arn)
        return self._give_way(intake)

    def _give_way(self, intake: Intake) -> Outcome:
        """A newer version was submitted, or even stored, while this one was put: have it stored over this one."""
        for kind, extent in intake.extents.items():
            self.ledger.reach(intake.source, kind, extent)
        self.ledger.reopen(intake.source)
        return _superseded(intake.source.uri)

    def _delete(self, intake: Intake, indexes: Mapping[str, Iterable[int]]) -> None:
        source = intake.source
        keys = [
            vector_key(source.object_id, kind, index) for kind in indexes for index in sorted(indexes[kind])
        ]
        if keys:
            log.info("%s: deleting %d segments that are not, or no longer, its own.", source.uri, len(keys))
            self.store.delete(keys)


def _every_index(reached: Mapping[str, int]) -> dict[str, set[int]]:
    return {kind: set(range(extent)) for kind, extent in reached.items()}


def _superseded(uri: str) -> Outcome:
    return Outcome(uri, "superseded", message="A newer version of it was taken up meanwhile.")


def _require(outcome: Outcome | None) -> Outcome:
    if outcome is None:
        raise RuntimeError("A source was read and never brought to its end.")
    return outcome


def _outcome_of(row: Row) -> Outcome:
    """What an earlier try of this task (or another run) has noted already."""
    reason = row.reason.value if row.reason else ""
    counts = {} if row.status is Status.FAILED else row.counts
    return Outcome(
        row.uri,
        row.status.value,
        counts,
        row.failed_segments,
        reason,
        row.message,
        row.invocation_arn,
        row.note,
    )

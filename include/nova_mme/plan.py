"""What is due: the bucket's listing against the ledger, streamed page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from nova_mme.dead_letter import MAX_ATTEMPTS as MAX_ATTEMPTS
from nova_mme.dead_letter import is_dead
from nova_mme.ledger import Ledger
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.run import Run
from nova_mme.shard import Work
from nova_mme.source import Source

_PAGE = 1000


@dataclass(slots=True)
class Plan:
    """The result of planning: the work, and what was left out, by count.

    :ivar counts: new, changed, stale_recipe, retried, adopted, forced (due); unchanged, dead_letter,
        other_recipe (stored under another one; backfill_embeddings takes them), in_flight (another run that still
        goes on has it), over_limit (not due).
    :ivar unknown: objects whose extension is no modality's; named up to ``UNKNOWN_NAMED`` times.
    """

    works: list[Work] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)

    UNKNOWN_NAMED = 20


def never(dag_run: str) -> bool:
    """No other run goes on."""
    return False


def make_plan(
    sources: Iterable[Source], ledger: Ledger, run: Run, *, is_running: Callable[[str], bool] = never
) -> Plan:
    """Decide about every listed source; memory grows with what is due (``run.limit``), not with the bucket.

    :param is_running: whether a run ("<DAG id>/<run id>") still goes on, and so will store what it has started.
    """
    plan = Plan()
    listing = filter(run.takes, _of_modality(sources, run.modality, plan))
    ask = cache(is_running)
    while page := list(islice(listing, _PAGE)):
        rows = ledger.rows(page)
        for source in page:
            work = decide(source, rows.get(source.object_id), run, is_running=ask)
            if isinstance(work, str):
                plan.counts[work] += 1
            elif len(plan.works) < run.limit:
                plan.works.append(work)
                plan.counts[work.why] += 1
            else:
                plan.counts["over_limit"] += 1
    return plan


def _of_modality(sources: Iterable[Source], modality: Modality, plan: Plan) -> Iterator[Source]:
    for source in sources:
        found = Modality.of_name(source.name)
        if found is modality:
            yield source
        elif found is None:
            plan.counts["unsupported"] += 1
            if len(plan.unknown) < plan.UNKNOWN_NAMED:
                plan.unknown.append(source.uri)


def decide(
    source: Source, row: Row | None, run: Run, *, is_running: Callable[[str], bool] = never
) -> Work | str:
    """The work that a source means, or the word for why there is none.

    An attempt number that was used is never used again for another job: it is what makes the request token.
    """
    if run.retry_failed:
        return _decide_failed(source, row, run)
    if row is None:
        return Work(source, 1, "new")
    if not row.is_about(source, run.recipe):
        return _decide_other(source, row, run, is_running)
    if row.status is Status.SUBMITTED:
        if row.run and is_running(row.run):
            return "in_flight"
        return Work(source, row.attempt, "adopted", row.invocation_arns)
    if run.force:
        return Work(source, row.attempt + 1, "forced")
    if row.status is Status.STORED:
        return "unchanged"
    return "dead_letter" if is_dead(row) else Work(source, row.attempt + 1, "retried")


def _decide_other(source: Source, row: Row, run: Run, is_running: Callable[[str], bool]) -> Work | str:
    """The row tells of other content, or of the same under another recipe."""
    if row.etag != source.etag:
        return Work(source, 1, "changed", seen=row.version)
    if row.status is Status.SUBMITTED and row.run and is_running(row.run):
        return "in_flight"
    stays = row.status in (Status.STORED, Status.PARTIAL) and not _may_pass(row)
    if stays and not (run.takes_stale or run.force):
        return "other_recipe"
    return Work(source, 1, "stale_recipe", seen=row.version)


def _decide_failed(source: Source, row: Row | None, run: Run) -> Work | str:
    """Only what failed, in whole or in part, as it is in the bucket now, whatever the reason."""
    if row is None or row.status not in (Status.FAILED, Status.PARTIAL):
        return "not_failed"
    if row.is_about(source, run.recipe):
        return Work(source, row.attempt + 1, "retried")
    return Work(source, 1, "retried", seen=row.version)


def _may_pass(row: Row) -> bool:
    return row.reason is not None and row.reason.retryable


def request_parts(
    source: Source, recipe: Recipe, space: str, attempt: int, page: int | None = None
) -> tuple[str, ...]:
    """What a job's request token is made of: what is embedded (of a document, which page), how, into which
    space, and which attempt."""
    parts = (source.uri, source.etag, space, recipe.fingerprint, str(attempt))
    return parts if page is None else (*parts, f"page {page}")

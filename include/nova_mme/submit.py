"""Start the jobs of a shard's sources: preflight, exactly one paid start per rendition, and the note in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import ClientError

from nova_mme.documents.page_jobs import PageJobs
from nova_mme.documents.rendition import Rendition, name_renditions, rendition_folder
from nova_mme.errors import BadSource, BudgetSpent, Reason, Unfinished, Yielded
from nova_mme.job_starter import JobStarter
from nova_mme.ledger import Ledger
from nova_mme.modality import Modality
from nova_mme.nova import request_token, segmented_request
from nova_mme.plan import request_parts
from nova_mme.preflight.content import Inspection, inspect
from nova_mme.recipe import Recipe
from nova_mme.row import Row, Status
from nova_mme.settings import Settings
from nova_mme.shard import Shard, Work
from nova_mme.source import Identified, S3Uri, Source
from nova_mme.space import Space

log = logging.getLogger(__name__)


class Meter(Protocol):
    """Takes the money for a source before its job is started."""

    def charge(self, source: Source, recipe: Recipe, found: Inspection, renditions: int) -> float:
        """Take what it costs, in dollars; raises BudgetSpent."""

    def refund(self, usd: float) -> None:
        """Give it back."""


def submit(
    shard: Shard, *, s3: Any, starter: JobStarter, ledger: Ledger, meter: Meter | None = None
) -> list[str]:
    """Start what is not started yet; returns the ARNs of all the shard's jobs.

    A source that cannot be embedded gets its ledger row and is passed over; the others go on. Calling it
    again after a crash starts nothing twice.

    :param meter: pays for what is started; when it is out of money the rest is left, and no row tells of it.
    :raises ClientError: for what is wrong with the deployment (AccessDenied, ...): no source's fault, so none
        is noted as failed, and the next try goes on where this one stopped.
    :raises Yielded: when the shard is a backfill's and live work wants its turn; the next call goes on.
    """
    rows = ledger.rows(work.source for work in shard.works)
    arns: list[str] = []
    is_broke = False
    for work in shard.works:
        known = _known_arns(work, rows.get(work.source.object_id), shard)
        if known is not None:
            arns += known
        elif not is_broke:
            try:
                arns += _submit_one(shard, work, s3=s3, starter=starter, ledger=ledger, meter=meter)
            except BudgetSpent as spent:
                log.warning("%s is left: %s", work.source.uri, spent)
                is_broke = True
    return [arn for arn in arns if arn]


def _known_arns(work: Work, row: Row | None, shard: Shard) -> tuple[str, ...] | None:
    """The ARNs when there is nothing to start any more; none of them when there is no job to wait for either."""
    if work.invocation_arns:
        return work.invocation_arns
    if row is None or not row.is_about(work.source, shard.run.recipe) or row.attempt < work.attempt:
        return None
    if row.attempt == work.attempt and row.status is Status.SUBMITTED:
        return row.invocation_arns
    return ()


def _submit_one(
    shard: Shard, work: Work, *, s3: Any, starter: JobStarter, ledger: Ledger, meter: Meter | None
) -> tuple[str, ...]:
    recipe = shard.run.recipe
    try:
        found, renditions = _prepare(s3, shard, work.source)
        pages = _find_page_jobs(s3, shard, work)
        begun = pages.read() if pages else []
        with _paid(meter, work.source, recipe, found, len(renditions), begun), _kept(pages, begun):
            arns = _start_all(starter, shard, work, found, renditions, begun)
    except BadSource as bad:
        log.warning("%s", bad)
        if bad.reason is not Reason.CHANGED:  # else the row may tell of the newer version already
            ledger.failed(work.source, recipe, attempt=work.attempt, reason=bad.reason, message=bad.message)
        return ()
    ledger.submitted(
        work.source,
        recipe,
        attempt=work.attempt,
        invocation_arns=arns,
        media_format=found.media_format,
        content_type=found.content_type,
        run=shard.dag_run,
        segment=found.segment if found.segment != recipe.segment else None,
        note=found.note,
    )
    started = ", ".join(filter(None, arns[:3])) + (f" and {len(arns) - 3} more" if len(arns) > 3 else "")
    log.info("Started %s for %s (%s, attempt %d).", started, work.source.uri, work.why, work.attempt)
    return arns


@contextmanager
def _paid(
    meter: Meter | None, source: Source, recipe: Recipe, found: Inspection, renditions: int, arns: list[str]
) -> Iterator[None]:
    """What is started inside, and added to ``arns``, was paid for; for what is not, the money is given back.

    A worker that is killed in between gives nothing back: what is counted as spent is never too little.

    :param arns: of the first renditions: they were paid for when they were started.
    """
    before = len(arns)
    due = renditions - before
    usd = meter.charge(source, recipe, found, due) if meter and due else 0.0

    def give_back() -> None:
        idle = due - sum(map(bool, arns[before:]))
        if meter and idle:
            meter.refund(usd * idle / due)

    try:
        yield
    except (BadSource, Unfinished, Yielded, ClientError):
        give_back()
        raise
    give_back()


def _prepare(s3: Any, shard: Shard, source: Source) -> tuple[Inspection, list[Rendition | None]]:
    """What the source is, and what the model is given of it."""
    settings, recipe, owner = shard.settings, shard.run.recipe, shard.settings.bucket_owner or None
    found = inspect(s3, source, recipe, owner=owner)
    if recipe.modality is not Modality.DOCUMENT:
        return found, [*name_renditions(source, recipe, found.media_format, 1, settings.output_uri)]
    # Only here: the libraries that read documents take a tenth of a second to load.
    from nova_mme.documents.document import expand

    expansion = expand(s3, source, recipe, found, settings.output_uri, owner=owner)
    return expansion.inspection, expansion.renditions


def _find_page_jobs(s3: Any, shard: Shard, work: Work) -> PageJobs | None:
    """Where the jobs of a document's first pages are kept; other media have just one."""
    recipe = shard.run.recipe
    if recipe.modality is not Modality.DOCUMENT:
        return None
    parts = request_parts(work.source, recipe, shard.space.name, work.attempt)
    folder = rendition_folder(work.source, recipe, shard.settings.output_uri)
    return PageJobs.of(s3, folder, request_token(*parts))


@contextmanager
def _kept(pages: PageJobs | None, arns: list[str]) -> Iterator[None]:
    """Whatever breaks off what is inside, the next try goes on with the page that was next."""
    try:
        yield
    except (Unfinished, Yielded, ClientError):
        if pages:
            pages.keep(arns)
        raise


def _start_all(
    starter: JobStarter,
    shard: Shard,
    work: Work,
    found: Inspection,
    renditions: list[Rendition | None],
    arns: list[str],
) -> tuple[str, ...]:
    """One ARN per rendition; empty for a page that is not there or that Bedrock refuses, unless all are.

    :param arns: those of the first renditions, as far as they have been started; the others are added.
    """
    refusal = BadSource(work.source.uri, Reason.BROKEN, "None of its pages can be rendered.")
    for rendition in renditions[len(arns) :]:
        try:
            arns.append(_start(starter, shard, work, found, rendition) if rendition else "")
        except BadSource as bad:
            log.warning("Page %s: %s", len(arns) + 1, bad)
            refusal = bad
            arns.append("")
    if not any(arns):
        raise refusal
    return tuple(arns)


def _start(starter: JobStarter, shard: Shard, work: Work, found: Inspection, rendition: Rendition) -> str:
    try:
        return starter.start(start_request(shard, work, found, rendition))
    except ClientError as error:
        problem = error.response["Error"]
        if problem["Code"] == "ValidationException":
            raise BadSource(work.source.uri, Reason.REFUSED, problem.get("Message", "")) from error
        if problem["Code"] == "ConflictException":
            message = "Its request token was used for another request; the next attempt has a new one."
            raise BadSource(work.source.uri, Reason.TRANSIENT, message) from error
        raise


def start_request(shard: Shard, work: Work, found: Inspection, rendition: Rendition) -> dict[str, Any]:
    """The whole StartAsyncInvoke call for one rendition of a source.

    The output folder depends on the source alone, not on the run: a repeated token must come with the same
    request, or Bedrock answers ConflictException.
    """
    settings, space, recipe = shard.settings, shard.space, shard.run.recipe
    owner = settings.bucket_owner
    folder = invocation_folder(settings, space, work.source)
    output = {"s3Uri": str(folder)} | ({"bucketOwner": owner} if owner else {})
    if settings.kms_key_id:
        output["kmsKeyId"] = settings.kms_key_id
    parts = request_parts(work.source, recipe, space.name, work.attempt, rendition.page)
    return {
        "modelId": space.model_id,
        "modelInput": segmented_request(
            rendition.uri,
            rendition.modality,
            rendition.media_format,
            segment=found.segment,
            detail_level=recipe.detail_level,
            embedding_mode=recipe.embedding_mode,
            purpose=recipe.purpose,
            bucket_owner=owner or None,
        ),
        "outputDataConfig": {"s3OutputDataConfig": output},
        "clientRequestToken": request_token(*parts),
    }


def invocation_folder(settings: Settings, space: Space, source: Identified) -> S3Uri:
    """Below which Bedrock makes a folder per invocation of this source into a space."""
    return S3Uri.parse(settings.output_uri).join("invocations", space.name, source.object_id)

"""Start the jobs of a shard's sources: preflight, exactly one paid start per rendition, and the note in the ledger."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.documents.page_jobs import PageJobs
from nova_mme.documents.rendition import Rendition, name_renditions, rendition_folder
from nova_mme.errors import BadSource, Reason, Unfinished, Yielded
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
from nova_mme.source import S3Uri, Source

log = logging.getLogger(__name__)


def submit(shard: Shard, *, s3: Any, starter: JobStarter, ledger: Ledger) -> list[str]:
    """Start what is not started yet; returns the ARNs of all the shard's jobs.

    A source that cannot be embedded gets its ledger row and is passed over; the others go on. Calling it
    again after a crash starts nothing twice.

    :raises ClientError: for what is wrong with the deployment (AccessDenied, ...): no source's fault, so none
        is noted as failed, and the next try goes on where this one stopped.
    :raises Yielded: when the shard is a backfill's and live work wants its turn; the next call goes on.
    """
    rows = ledger.rows(work.source for work in shard.works)
    arns: list[str] = []
    for work in shard.works:
        known = _known_arns(work, rows.get(work.source.object_id), shard)
        arns += _submit_one(shard, work, s3=s3, starter=starter, ledger=ledger) if known is None else known
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


def _submit_one(shard: Shard, work: Work, *, s3: Any, starter: JobStarter, ledger: Ledger) -> tuple[str, ...]:
    recipe = shard.run.recipe
    try:
        found, renditions = _prepare(s3, shard, work.source)
        if recipe.modality is Modality.DOCUMENT:
            arns = _start_pages(s3, starter, shard, work, found, renditions)
        else:
            arns = _start_all(starter, shard, work, found, renditions, [])
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


def _start_pages(
    s3: Any,
    starter: JobStarter,
    shard: Shard,
    work: Work,
    found: Inspection,
    renditions: list[Rendition | None],
) -> tuple[str, ...]:
    """:func:`_start_all`; whatever breaks it off, the next try goes on with the page that was next."""
    parts = request_parts(work.source, shard.run.recipe, shard.settings.space.name, work.attempt)
    folder = rendition_folder(work.source, shard.run.recipe, shard.settings.output_uri)
    jobs = PageJobs.of(s3, folder, request_token(*parts))
    arns = jobs.read()
    try:
        return _start_all(starter, shard, work, found, renditions, arns)
    except (Unfinished, Yielded, ClientError):
        jobs.keep(arns)
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
        return starter.start(start_request(shard.settings, work, shard.run.recipe, found, rendition))
    except ClientError as error:
        problem = error.response["Error"]
        if problem["Code"] == "ValidationException":
            raise BadSource(work.source.uri, Reason.REFUSED, problem.get("Message", "")) from error
        if problem["Code"] == "ConflictException":
            message = "Its request token was used for another request; the next attempt has a new one."
            raise BadSource(work.source.uri, Reason.TRANSIENT, message) from error
        raise


def start_request(
    settings: Settings, work: Work, recipe: Recipe, found: Inspection, rendition: Rendition
) -> dict[str, Any]:
    """The whole StartAsyncInvoke call for one rendition of a source.

    The output folder depends on the source alone, not on the run: a repeated token must come with the same
    request, or Bedrock answers ConflictException.
    """
    owner = settings.bucket_owner
    folder = invocation_folder(settings, work.source)
    output = {"s3Uri": str(folder)} | ({"bucketOwner": owner} if owner else {})
    if settings.kms_key_id:
        output["kmsKeyId"] = settings.kms_key_id
    parts = request_parts(work.source, recipe, settings.space.name, work.attempt, rendition.page)
    return {
        "modelId": settings.model_id,
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


def invocation_folder(settings: Settings, source: Source) -> S3Uri:
    """Below which Bedrock makes a folder per invocation of this source."""
    return S3Uri.parse(settings.output_uri).join("invocations", settings.space.name, source.object_id)

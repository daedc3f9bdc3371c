"""Start one job per source of a shard: preflight, exactly one paid start, and the note in the ledger."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.content import Inspection, inspect
from nova_mme.errors import BadSource, Reason, Unfinished
from nova_mme.ledger import Ledger, Row, Status
from nova_mme.nova import request_token, segmented_request
from nova_mme.plan import request_parts
from nova_mme.recipe import Recipe
from nova_mme.settings import Settings
from nova_mme.shard import Shard, Work
from nova_mme.source import S3Uri

log = logging.getLogger(__name__)

# Bedrock's answers that waiting mends. It sends no Retry-After, and the number of async jobs that may run
# at once is an account quota: a full quota looks the same as a burst.
BUSY = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "ServiceQuotaExceededException",
        "ServiceUnavailableException",
        "InternalServerException",
        "ModelNotReadyException",
    }
)
PATIENCE_SECONDS = 1800.0
_LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class JobStarter:
    """Starts async invocations and waits out a busy service.

    :ivar bedrock: a boto3 ``bedrock-runtime`` client.
    :ivar sleep: for tests; seconds in.
    """

    bedrock: Any
    patience: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep

    def start(self, request: Mapping[str, Any]) -> str:
        """Call StartAsyncInvoke; returns the ARN.

        Between two tries it pauses, at first up to 1 s, then up to 15 s, with full jitter, so that shards
        that wait for the same quota do not come back together.

        :raises Unfinished: when the service stayed busy for ``patience`` seconds.
        :raises ClientError: for any other refusal.
        """
        waited, bound = 0.0, 1.0
        while True:
            try:
                return str(self.bedrock.start_async_invoke(**request)["invocationArn"])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in BUSY:
                    raise
                if waited >= self.patience:
                    raise Unfinished(f"Bedrock stayed busy for {waited:.0f} s ({code}).") from error
            pause = random.uniform(0.2, bound)
            log.info("Bedrock is busy; next try in %.1f s.", pause)
            self.sleep(pause)
            waited, bound = waited + pause, min(2 * bound, _LONGEST_PAUSE)


def start_request(settings: Settings, work: Work, recipe: Recipe, inspection: Inspection) -> dict[str, Any]:
    """The whole StartAsyncInvoke call for one source.

    The output folder depends on the source alone, not on the run: a repeated token must come with the same
    request, or Bedrock answers ConflictException.
    """
    owner = settings.bucket_owner
    space = settings.space
    folder = invocation_folder(settings, work)
    output = {"s3Uri": str(folder)} | ({"bucketOwner": owner} if owner else {})
    if settings.kms_key_id:
        output["kmsKeyId"] = settings.kms_key_id
    return {
        "modelId": settings.model_id,
        "modelInput": segmented_request(
            work.source.uri,
            recipe.modality,
            inspection.media_format,
            segment=recipe.segment,
            detail_level=recipe.detail_level,
            embedding_mode=recipe.embedding_mode,
            purpose=recipe.purpose,
            bucket_owner=owner or None,
        ),
        "outputDataConfig": {"s3OutputDataConfig": output},
        "clientRequestToken": request_token(*request_parts(work.source, recipe, space.name, work.attempt)),
    }


def invocation_folder(settings: Settings, work: Work) -> S3Uri:
    """Below which Bedrock makes a folder per invocation of this source."""
    return S3Uri.parse(settings.output_uri).join("invocations", settings.space.name, work.source.object_id)


def submit(shard: Shard, *, s3: Any, starter: JobStarter, ledger: Ledger) -> list[str]:
    """Start what is not started yet; returns the ARNs of all the shard's jobs.

    A source that cannot be embedded gets its ledger row and is passed over; the others go on. Calling it
    again after a crash starts nothing twice.

    :raises ClientError: for what is wrong with the deployment (AccessDenied, ...): no source's fault, so none
        is noted as failed, and the next try goes on where this one stopped.
    """
    rows = ledger.rows(work.source for work in shard.works)
    arns = []
    for work in shard.works:
        row = rows.get(work.source.object_id)
        if (arn := _known_arn(work, row, shard)) is None:
            arn = _submit_one(shard, work, s3=s3, starter=starter, ledger=ledger)
        if arn:
            arns.append(arn)
    return arns


def _known_arn(work: Work, row: Row | None, shard: Shard) -> str | None:
    """The ARN when there is nothing to start any more; empty when there is no job to wait for either."""
    if work.invocation_arn:
        return work.invocation_arn
    if row is None or not row.is_about(work.source, shard.run.recipe) or row.attempt < work.attempt:
        return None
    if row.attempt == work.attempt and row.status is Status.SUBMITTED:
        return row.invocation_arn
    return ""


def _submit_one(shard: Shard, work: Work, *, s3: Any, starter: JobStarter, ledger: Ledger) -> str:
    settings, recipe = shard.settings, shard.run.recipe
    try:
        found = inspect(s3, work.source, recipe.modality, owner=settings.bucket_owner or None)
        arn = _start(starter, start_request(settings, work, recipe, found), work)
    except BadSource as bad:
        log.warning("%s", bad)
        if bad.reason is Reason.CHANGED:  # the row may tell of the newer version already
            return ""
        ledger.failed(work.source, recipe, attempt=work.attempt, reason=bad.reason, message=bad.message)
        return ""
    ledger.submitted(
        work.source,
        recipe,
        attempt=work.attempt,
        invocation_arn=arn,
        media_format=found.media_format,
        content_type=found.content_type,
    )
    log.info("Started %s for %s (%s, attempt %d).", arn, work.source.uri, work.why, work.attempt)
    return arn


def _start(starter: JobStarter, request: Mapping[str, Any], work: Work) -> str:
    try:
        return starter.start(request)
    except ClientError as error:
        problem = error.response["Error"]
        if problem["Code"] == "ValidationException":
            raise BadSource(work.source.uri, Reason.REFUSED, problem.get("Message", "")) from error
        if problem["Code"] == "ConflictException":
            message = "Its request token was used for another request; the next attempt has a new one."
            raise BadSource(work.source.uri, Reason.TRANSIENT, message) from error
        raise

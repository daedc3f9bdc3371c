"""How jobs are shown: the answer of GetAsyncInvoke, and the pages of ListAsyncInvokes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nova_mme_local.bedrock.jobs import IN_PROGRESS, Job, Jobs, Wanted
from nova_mme_local.bedrock.models import build_model_arn, find_model
from nova_mme_local.wire import AwsError, invalid_fields, validate

_OPERATION = "ListAsyncInvokes"
_DEFAULT_PAGE = 100


def show_job(job: Job) -> dict[str, Any]:
    """Return a job as the API shows it: s3Uri ends in the invocation id, times are ISO 8601."""
    shown = {
        "invocationArn": job.arn,
        "modelArn": build_model_arn(find_model(job.request["modelId"]), job.region),
        "clientRequestToken": job.token,
        "status": job.status,
        "failureMessage": job.failure,
        "submitTime": _show_time(job.submitted),
        "lastModifiedTime": _show_time(job.modified),
        "endTime": None if job.status == IN_PROGRESS else _show_time(job.modified),
        "outputDataConfig": {"s3OutputDataConfig": {**job.output_config, "s3Uri": job.output_uri}},
    }
    return {name: value for name, value in shown.items() if value is not None}


def list_jobs(jobs: Jobs, query: Mapping[str, str], region: str) -> dict[str, Any]:
    """Answer one page of ListAsyncInvokes, newest first unless asked otherwise.

    :raises AwsError: ValidationException for parameters outside botocore's model, or an unknown nextToken.
    """
    params: dict[str, Any] = dict(query)
    if "maxResults" in params:
        params["maxResults"] = _read_number(params["maxResults"])
    validate("bedrock-runtime", _OPERATION, params)
    wanted = Wanted(
        region,
        status=params.get("statusEquals"),
        after=_read_time(params, "submitTimeAfter"),
        before=_read_time(params, "submitTimeBefore"),
        ascending=params.get("sortOrder") == "Ascending",
        beyond=_read_token(params["nextToken"]) if "nextToken" in params else None,
    )
    size = params.get("maxResults", _DEFAULT_PAGE)
    found = jobs.page(wanted, size + 1)
    answer: dict[str, Any] = {"asyncInvokeSummaries": [show_job(job) for job in found[:size]]}
    if len(found) > size:
        answer["nextToken"] = base64.urlsafe_b64encode(b"after:%d" % found[size - 1].number).decode()
    return answer


def _show_time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _read_time(params: Mapping[str, str], name: str) -> float | None:
    if name not in params:
        return None
    try:
        moment = datetime.fromisoformat(params[name])
    except ValueError:
        raise invalid_fields([(f"/{name}", "Member must be a timestamp in ISO 8601 format")]) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read_token(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).removeprefix(b"after:"))
    except (ValueError, binascii.Error):
        raise AwsError(
            "ValidationException", "The nextToken is not one that this operation has given"
        ) from None

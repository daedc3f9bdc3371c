"""StartAsyncInvoke, GetAsyncInvoke and ListAsyncInvokes."""

from __future__ import annotations

import hashlib
import random
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import ClientError

from nova_mme_local.bedrock.jobs import IN_PROGRESS, Job, Jobs
from nova_mme_local.bedrock.listing import list_jobs, show_job
from nova_mme_local.bedrock.models import NOVA_SEEDS, find_model
from nova_mme_local.bedrock.request import parse_segmented
from nova_mme_local.bedrock.runner import Runner
from nova_mme_local.faults import Faults
from nova_mme_local.wire import AwsError, validate

SERVICE = "bedrock-runtime"
_ID_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Terms:
    """How jobs are admitted: how long one takes at least, how many may be in flight, whose account this is."""

    job_seconds: float
    quota: int
    account: str


class Invocations:
    """The async half of Bedrock Runtime, on top of the stored jobs and their runner."""

    def __init__(
        self, *, jobs: Jobs, runner: Runner, faults: Faults, s3: Callable[[str], Any], terms: Terms
    ) -> None:
        self._jobs, self._runner, self._faults = jobs, runner, faults
        self._s3, self._terms = s3, terms
        self._admission = threading.Lock()
        self._started = 0
        self._peak = jobs.count_unfinished()

    def start(self, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        """Start a job, or find the one that the same clientRequestToken started before.

        :raises AwsError: ValidationException, AccessDeniedException, ConflictException, ThrottlingException.
        """
        self._check(params, region)
        with self._admission:
            known = self._find_known(params, region)
            return {"invocationArn": (known or self._admit(params, region)).arn}

    def get(self, arn: str, region: str) -> dict[str, Any]:
        """Describe a job; AwsError("ValidationException") for an ARN that is not one of this region's.

        botocore's model lists no ResourceNotFoundException for GetAsyncInvoke.
        """
        validate(SERVICE, "GetAsyncInvoke", {"invocationArn": arn})
        job = self._jobs.find(arn)
        if job is None or job.region != region:
            raise AwsError("ValidationException", f"The invocation {arn} does not exist in {region}.")
        return show_job(job)

    def list(self, query: Mapping[str, str], region: str) -> dict[str, Any]:
        """Answer one page of ListAsyncInvokes."""
        return list_jobs(self._jobs, query, region)

    def resume(self) -> None:
        """Take up the jobs that a restart interrupted; each starts anew and writes the same files."""
        for job in self._jobs.list_unfinished():
            self._runner.submit(job)

    def count(self) -> dict[str, float]:
        """Return the figures of /_local/stats; `started` and `peak_in_flight` since start or reset.

        `in_flight_seconds` is the time integral of `in_flight` over all jobs that are known: between two looks it
        grows by the mean number of jobs in flight times the seconds between, which gives the share of a quota
        that was used.
        """
        in_flight, seconds = self._jobs.count_unfinished(), self._jobs.sum_seconds(time.time())
        with self._admission:
            return {
                "started": self._started,
                "in_flight": in_flight,
                "peak_in_flight": self._peak,
                "in_flight_seconds": round(seconds, 3),
            }

    def reset(self) -> None:
        """Forget all jobs, tokens and figures."""
        with self._admission:
            self._runner.forget()
            self._jobs.clear()
            self._started = self._peak = 0

    def _check(self, params: Mapping[str, Any], region: str) -> None:
        """Refuse what AWS refuses before it starts a job."""
        validate(SERVICE, "StartAsyncInvoke", params)
        if not isinstance(params["modelInput"], dict):  # boto3 sends json.dumps(...) along without a word
            raise AwsError("ValidationException", "The provided request is not valid")
        if find_model(params["modelId"]) not in NOVA_SEEDS:
            raise AwsError(
                "ValidationException",
                f"The model {params['modelId']} does not support asynchronous invocation.",
            )
        parse_segmented(params["modelInput"])
        self._check_output(params["outputDataConfig"]["s3OutputDataConfig"], region)

    def _check_output(self, config: Mapping[str, str], region: str) -> None:
        bucket = config["s3Uri"].removeprefix("s3://").partition("/")[0]
        owner = config.get("bucketOwner", self._terms.account)
        try:
            self._s3(region).head_bucket(Bucket=bucket)
        except ClientError as error:
            status = error.response["Error"]["Code"]
            raise AwsError(
                "ValidationException",
                f"Invalid Output Config/Credentials: bucket {bucket} cannot be used ({status})",
            ) from error
        if owner != self._terms.account:
            raise AwsError(
                "AccessDeniedException", f"Access denied: bucket {bucket} is not owned by account {owner}"
            )

    def _find_known(self, params: Mapping[str, Any], region: str) -> Job | None:
        token = params.get("clientRequestToken")
        known = self._jobs.find_by_token(region, token) if token else None
        if known and known.fingerprint != _hash_request(params):
            raise AwsError(
                "ConflictException",
                "The clientRequestToken was used before, with other parameters; use a new one for a new request.",
            )
        return known

    def _admit(self, params: Mapping[str, Any], region: str) -> Job:
        in_flight = self._jobs.count_unfinished()
        if in_flight >= self._terms.quota:
            raise AwsError("ThrottlingException", "Too many requests, please wait before trying again.")
        fault = self._faults.for_job(_find_source_uri(params))
        now = time.time()
        invocation_id = "".join(random.choices(_ID_LETTERS, k=12))
        job = Job(
            arn=f"arn:aws:bedrock:{region}:{self._terms.account}:async-invoke/{invocation_id}",
            region=region,
            token=params.get("clientRequestToken"),
            fingerprint=_hash_request(params),
            request=params,
            submitted=now,
            due=now + self._terms.job_seconds + (fault.delay_seconds if fault else 0),
            modified=now,
            status=IN_PROGRESS,
        )
        job = self._jobs.add(job)
        self._started += 1
        self._peak = max(self._peak, in_flight + 1)
        self._runner.submit(job, fault)
        return job


def _hash_request(params: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in params.items() if name != "clientRequestToken"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _find_source_uri(params: Mapping[str, Any]) -> str:
    return parse_segmented(params["modelInput"]).uri

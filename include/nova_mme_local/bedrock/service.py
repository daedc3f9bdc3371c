"""The Bedrock Runtime service: finds the operation of a request, checks it, runs it."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nova_mme_local.account import ACCOUNT
from nova_mme_local.bedrock.invocations import SERVICE, Invocations, Terms
from nova_mme_local.bedrock.jobs import Job, Jobs
from nova_mme_local.bedrock.limits import MAX_BODY
from nova_mme_local.bedrock.models import NOVA_SEEDS, find_model
from nova_mme_local.bedrock.runner import Runner
from nova_mme_local.bedrock.single import invoke_nova
from nova_mme_local.bedrock.titan import invoke_titan
from nova_mme_local.bedrock.work import Workshop
from nova_mme_local.embedder import NAME
from nova_mme_local.embedder.segments import CHARACTERS_PER_TOKEN
from nova_mme_local.faults import Faults
from nova_mme_local.wire import (
    AwsError,
    Request,
    Response,
    answer_json,
    invalid_fields,
    read_json,
    read_params,
    validate,
)


class Bedrock:
    """InvokeModel, StartAsyncInvoke, GetAsyncInvoke and ListAsyncInvokes for embedding models.

    Not simulated: permissions, KMS, guardrails, tags, service tiers, token quotas.
    """

    name = SERVICE

    def __init__(
        self,
        *,
        s3: Callable[[str], Any],
        faults: Faults,
        database: Path | None,
        job_seconds: float = 6.0,
        async_quota: int = 20,
        workers: int = 2,
        match_names: bool = True,
        account: str = ACCOUNT,
    ) -> None:
        """Open the service; nothing is read from S3 yet.

        :param s3: region -> boto3 client of S3; called once per region.
        :param database: SQLite file for jobs and their tokens; None keeps them in memory.
        :param job_seconds: how long a job takes at least.
        :param async_quota: jobs in flight from which on StartAsyncInvoke is throttled.
        :param workers: threads that embed.
        :param match_names: mix the words of file names into vectors of pictures, sounds and clips
            (see `nova_mme_local.embedder.embedder.Embedder`).
        """
        self._s3 = functools.cache(s3)
        self._account, self._match_names = account, match_names
        self._jobs = Jobs(database)
        workshop = Workshop(self._s3, account, match_names)
        self._runner = Runner(carry_out=workshop.carry_out, conclude=self._conclude, workers=workers)
        self._invocations = Invocations(
            jobs=self._jobs,
            runner=self._runner,
            faults=faults,
            s3=self._s3,
            terms=Terms(job_seconds, async_quota, account),
        )

    def operation(self, request: Request) -> str:
        """Name the operation of a request; AwsError when there is none at its path."""
        method, path = request.method, request.path.rstrip("/")
        if method == "POST" and path.startswith("/model/") and path.endswith("/invoke"):
            return "InvokeModel"
        if path == "/async-invoke" and method in ("GET", "POST"):
            return "StartAsyncInvoke" if method == "POST" else "ListAsyncInvokes"
        if method == "GET" and path.startswith("/async-invoke/"):
            return "GetAsyncInvoke"
        raise AwsError(
            "UnknownOperationException",
            f"The local Bedrock Runtime has no operation at {method} {request.path}",
            status=404,
        )

    def answer(self, operation: str, request: Request) -> Response:
        """Carry an operation out; AwsError as AWS answers it."""
        if len(request.body) > MAX_BODY:
            raise invalid_fields([("/body", f"Member must have length less than or equal to {MAX_BODY}")])
        if operation == "InvokeModel":
            return self._invoke_model(request)
        if operation == "StartAsyncInvoke":
            return answer_json(self._invocations.start(read_params(request.body), request.region))
        if operation == "GetAsyncInvoke":
            arn = unquote(request.path.rstrip("/").removeprefix("/async-invoke/"))
            return answer_json(self._invocations.get(arn, request.region))
        return answer_json(self._invocations.list(request.query, request.region))

    def async_jobs(self) -> dict[str, float]:
        """Return `started`, `in_flight`, `peak_in_flight` and `in_flight_seconds`, for /_local/stats."""
        return self._invocations.count()

    def resume(self) -> None:
        """Finish the jobs that a restart interrupted; to be called once S3 answers."""
        self._invocations.resume()

    def reset(self) -> None:
        """Forget all jobs, on disk too; those running end without writing more."""
        self._invocations.reset()

    def close(self) -> None:
        """End the threads and close the database; to be called while S3 still answers.

        Jobs in progress stay so, for `resume` after the next start.
        """
        self._runner.close()
        self._jobs.close()

    def _conclude(self, job: Job, failure: str | None) -> None:
        self._jobs.finish(job, failure=failure, now=time.time())

    def _invoke_model(self, request: Request) -> Response:
        began = time.perf_counter()
        given = unquote(request.path.rstrip("/").removeprefix("/model/").removesuffix("/invoke"))
        validate(SERVICE, "InvokeModel", {"modelId": given})
        model_id = find_model(given)
        body = read_json(request.body)
        if model_id in NOVA_SEEDS:
            answer, characters = invoke_nova(
                body,
                seed=NOVA_SEEDS[model_id],
                s3=lambda: self._s3(request.region),
                account=self._account,
                match_names=self._match_names,
            )
            tokens = math.ceil(characters / CHARACTERS_PER_TOKEN)
        else:
            answer, tokens = invoke_titan(body)
        latency = math.ceil((time.perf_counter() - began) * 1000)
        headers = [("X-Local-Embedder", NAME), ("X-Amzn-Bedrock-Invocation-Latency", str(latency))]
        if tokens:
            headers.append(("X-Amzn-Bedrock-Input-Token-Count", str(tokens)))
        return answer_json(answer, headers=headers)

"""The work of one job: read the source, embed it segment by segment, write the output."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme_local.bedrock.cutting import cut_source
from nova_mme_local.bedrock.jobs import Job
from nova_mme_local.bedrock.limits import ASYNC
from nova_mme_local.bedrock.models import NOVA_SEEDS, find_model
from nova_mme_local.bedrock.request import parse_segmented
from nova_mme_local.bedrock.results import Results
from nova_mme_local.bedrock.source import Unreadable, fetch_source
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.refusals import TooLong, Undecodable
from nova_mme_local.faults import JobFault


class JobFailed(Exception):
    """The job ends as Failed; the message is its failureMessage."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every job needs.

    :ivar s3: region -> boto3 client of S3.
    """

    s3: Callable[[str], Any]
    account: str
    match_names: bool

    def carry_out(self, job: Job, fault: JobFault | None, check: Callable[[], None]) -> None:
        """Do the work of `job` up to its output in S3.

        :param check: called between steps; it raises when the job is no longer wanted.
        :raises JobFailed: for every reason that lies in the request, the source or the output bucket.
        """
        if fault is not None and fault.status is not None:
            raise JobFailed(fault.message or "The job failed on request of /_local/faults")
        try:
            self._embed(job, fault, check)
        except (Unreadable, Undecodable, TooLong) as error:
            raise JobFailed(str(error)) from error

    def _embed(self, job: Job, fault: JobFault | None, check: Callable[[], None]) -> None:
        task = parse_segmented(job.request["modelInput"])
        seed = NOVA_SEEDS[find_model(job.request["modelId"])]
        embedder = Embedder(seed, name=task.uri if self.match_names else "")
        limits = ASYNC[task.modality]
        with tempfile.TemporaryDirectory(prefix="nova-mme-local-") as folder:
            results = Results(Path(folder), dimension=task.dimension, fault=fault)
            path = Path(folder) / "source"
            check()
            fetch_source(task, path, s3=lambda: self.s3(job.region), limits=limits, account=self.account)
            for segment in cut_source(task, path, embedder=embedder, limits=limits):
                check()
                results.add(segment)
            results.save(job, task.uri, put=lambda name, body: self._put(job, name, body, check))

    def _put(self, job: Job, name: str, body: Any, check: Callable[[], None]) -> None:
        bucket, _, folder = job.output_uri.removeprefix("s3://").partition("/")
        check()
        try:
            self.s3(job.region).put_object(
                Bucket=bucket, Key=f"{folder}/{name}", Body=body, ContentType="application/json"
            )
        except (ClientError, BotoCoreError) as error:
            raise JobFailed(f"Unable to write to {job.output_uri}: {error}") from error

"""A Bedrock async invocation's end: its state, and the summary of what it has written.

Shapes: Amazon Nova user guide, "Embeddings schema"; what the guide leaves open is handled both ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson
from botocore.exceptions import ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.source import S3Uri

SUMMARY_NAME = "segmented-embedding-result.json"

# What a failureReason of the summary or of a line means.
REASONS = {
    "RAI_VIOLATION_INPUT_TEXT_DEFLECTION": Reason.MODERATED,
    "RAI_VIOLATION_INPUT_IMAGE_DEFLECTION": Reason.MODERATED,
    "INVALID_CONTENT": Reason.INVALID_CONTENT,
    "RATE_LIMIT_EXCEEDED": Reason.TRANSIENT,
    "INTERNAL_SERVER_EXCEPTION": Reason.TRANSIENT,
}

# A failed job is worth another one when Bedrock's own sentence says that the fault was not the source's.
_PASSING = re.compile(r"internal|throttl|try again|unavailable|timed? ?out|capacity", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One entry of the summary: the output file of one embedding type.

    :ivar failed: the whole type failed; there may be no file, though one is named.
    """

    embedding_type: str
    uri: str
    failed: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Results:
    """What one job has come to.

    :ivar seconds: how long it took, as Bedrock says; 0 when it does not.
    :ivar problem: why there are no files.
    """

    files: list[ResultFile] = field(default_factory=list)
    seconds: float = 0.0
    problem: BadSource | None = None


@dataclass(frozen=True, slots=True)
class ResultFinder:
    """Finds what jobs have written; its clients serve several threads.

    :ivar bedrock: None: it is not asked, and what is in the job's folder is what became of it.
    :ivar owner: the account id that must own the output bucket.
    """

    s3: Any
    bedrock: Any | None
    owner: str | None = None

    def find(self, arn: str, source_uri: str, *, given_uri: str, folder: S3Uri) -> Results:
        """The result files of a job.

        :param given_uri: what the model was given of the source; Bedrock's sentences quote it.
        :param folder: where the job was told to make its folder, for a job that Bedrock has forgotten: how long
            it remembers one is not published, and the output may well outlive it.
        :raises ClientError: for what another try may mend.
        """
        seconds = 0.0
        try:
            place = folder.join(arn.rsplit("/", 1)[-1])
            if invocation := self._ask(arn):
                seconds = _seconds(invocation)
                _check_completed(invocation, source_uri, given_uri)
                place = output_folder(invocation)
            return Results(read_summary(self.s3, place, source_uri, owner=self.owner), seconds)
        except BadSource as bad:
            return Results(seconds=seconds, problem=bad)

    def _ask(self, arn: str) -> dict[str, Any] | None:
        """What Bedrock says of a job; None when it has forgotten it, or is not asked."""
        if self.bedrock is None:
            return None
        try:
            invocation: dict[str, Any] = self.bedrock.get_async_invoke(invocationArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFoundException"):
                return None
            raise
        return invocation


def _seconds(invocation: dict[str, Any]) -> float:
    start, end = invocation.get("submitTime"), invocation.get("endTime")
    return float((end - start).total_seconds()) if start and end else 0.0


def _check_completed(invocation: dict[str, Any], source_uri: str, given_uri: str) -> None:
    if invocation["status"] == "InProgress":
        message = f"Its job {invocation['invocationArn']} is still in progress."
        raise BadSource(source_uri, Reason.NOT_FINISHED, message)
    if invocation["status"] == "Failed":
        message = invocation.get("failureMessage") or "Bedrock gave no reason."
        told = message.replace(given_uri, "")  # its own name tells nothing
        raise BadSource(source_uri, Reason.TRANSIENT if _PASSING.search(told) else Reason.JOB_FAILED, message)


def output_folder(invocation: dict[str, Any]) -> S3Uri:
    """Where GetAsyncInvoke says the output is.

    The returned URI already ends in the invocation's id; where it does not, the id is appended.
    """
    place = S3Uri.parse(invocation["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].rstrip("/"))
    invocation_id = invocation["invocationArn"].rsplit("/", 1)[-1]
    return place if place.key.rsplit("/", 1)[-1] == invocation_id else place.join(invocation_id)


def read_summary(s3: Any, folder: S3Uri, source_uri: str, *, owner: str | None = None) -> list[ResultFile]:
    """The job's result files. File names are never guessed: they differ by modality and mode.

    :raises BadSource: when the summary is missing or holds no result.
    """
    body = open_output(s3, folder.join(SUMMARY_NAME), source_uri, owner).read()
    try:
        results = [_result_file(item) for item in orjson.loads(body)["embeddingResults"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        message = f"The job's summary in {folder} cannot be read: {error!r}."
        raise BadSource(source_uri, Reason.NO_OUTPUT, message) from error
    if not results:
        raise BadSource(source_uri, Reason.NO_OUTPUT, f"The job's summary in {folder} names no output file.")
    return results


def _result_file(item: dict[str, Any]) -> ResultFile:
    uri = str(item.get("outputFileUri") or "")
    # The guide says FAILURE; FAILED was seen in the wild.
    failed = item.get("status") in ("FAILURE", "FAILED")
    cause = str(item.get("failureReason") or "")
    reason = REASONS.get(cause, Reason.JOB_FAILED if failed else Reason.NO_OUTPUT)
    message = str(item.get("message") or cause or ("" if uri else "The summary names no output file."))
    return ResultFile(str(item["embeddingType"]), uri, failed or not uri, reason, message)


def open_output(s3: Any, place: S3Uri, source_uri: str, owner: str | None) -> Any:
    """The body of an output object, not read yet.

    :raises BadSource: when it is missing.
    """
    request = {"Bucket": place.bucket, "Key": place.key}
    if owner:
        request["ExpectedBucketOwner"] = owner
    try:
        return s3.get_object(**request)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            raise BadSource(source_uri, Reason.NO_OUTPUT, f"The job's output {place} is missing.") from error
        raise

"""Brings the content that a request names into a file of ours, within the limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme_local.bedrock.limits import Limits
from nova_mme_local.bedrock.request import Task

_CHUNK = 2**20


class Unreadable(ValueError):
    """The source cannot be had: missing, forbidden, empty or too large; the message names it.

    `code` is the exception that a synchronous call answers.
    """

    def __init__(self, message: str, *, code: str = "ValidationException") -> None:
        super().__init__(message)
        self.code = code


def fetch_source(task: Task, path: Path, *, s3: Callable[[], Any], limits: Limits, account: str) -> None:
    """Write the content of `task` to `path`, piece by piece.

    :param s3: gives a boto3 client of S3; called only when the content is there.
    :raises Unreadable: see there.
    """
    if task.content is not None:
        path.write_bytes(task.content)
        return
    if task.owner and task.owner != account:
        raise Unreadable(
            f"Access denied to {task.uri}: the bucket is not owned by account {task.owner}",
            code="AccessDeniedException",
        )
    bucket, _, key = task.uri.removeprefix("s3://").partition("/")
    try:
        answer = s3().get_object(Bucket=bucket, Key=key)
        check_size(task, answer["ContentLength"], limits)
        with path.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                file.write(chunk)
    except ClientError as error:
        raise _explain(task.uri, error) from error
    except BotoCoreError as error:
        raise Unreadable(f"Unable to read {task.uri}: {error}") from error


def check_size(task: Task, size: int, limits: Limits) -> None:
    """Raise Unreadable when an object of `size` bytes is empty or too large."""
    if size == 0:
        raise Unreadable(f"The object {task.uri} is empty (0 bytes)")
    if size > limits.most_bytes:
        raise Unreadable(
            f"The object {task.uri} has {size:,} bytes; at most {limits.most_bytes:,} of {task.modality} are accepted"
        )


def _explain(uri: str, error: ClientError) -> Unreadable:
    code = error.response["Error"].get("Code", "")
    if code in ("NoSuchKey", "NoSuchBucket", "404"):
        return Unreadable(f"The S3 object {uri} does not exist ({code})")
    denied = code in ("AccessDenied", "403")
    return Unreadable(
        f"Unable to read {uri}: {code}", code="AccessDeniedException" if denied else "ValidationException"
    )

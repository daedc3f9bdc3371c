"""What can go wrong, as types: who may retry it, and what a person reads about it.

    NovaMMEError
    ├── BadSetting(ValueError)   a deployment setting or a run's parameter: no retry mends it
    ├── BadSource(ValueError)    one object that cannot be embedded: carries uri, reason, next step
    ├── IndexMismatch(ValueError) an index of another shape than the space needs, or with another space's vectors
    ├── Unfinished               work that another attempt of the task will finish
    ├── Yielded                  a backfill that has made way for live work, and goes on later
    └── BudgetSpent              a backfill that may not spend any more

Throttling and 5xx answers are botocore's: its retries first, the task's afterwards.
"""

from __future__ import annotations

from enum import StrEnum


class NovaMMEError(Exception):
    """Everything this package raises on purpose."""


class BadSetting(NovaMMEError, ValueError):
    """A deployment setting or a run's parameter that cannot be used; the message says which and why."""


class IndexMismatch(NovaMMEError, ValueError):
    """A vector index has another dimension, metric or set of non-filterable keys, or another space's vectors."""


class Unfinished(NovaMMEError):
    """The work is not over yet; trying again later will find more of it done."""


class Yielded(NovaMMEError):
    """A backfill has given its turn to live work; what it has started is kept, the rest goes on later."""


class BudgetSpent(NovaMMEError):
    """What may be spent is spent; what was started is stored, and the rest waits for more money."""


class Reason(StrEnum):
    """Why a source, or one of its segments, has no vectors. The value is what the ledger keeps."""

    UNSUPPORTED = "unsupported_type"
    EMPTY = "empty_file"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_MANY_SEGMENTS = "too_many_segments"
    WRONG_CONTENT = "content_is_not_its_type"
    BROKEN = "broken_file"
    NO_PICTURE = "video_without_picture"
    NO_SOUND = "no_sound"
    ENCRYPTED = "encrypted_document"
    MISSING = "missing_object"
    UNREADABLE = "unreadable_object"
    CHANGED = "changed_meanwhile"
    REFUSED = "request_refused"
    JOB_FAILED = "job_failed"
    NO_OUTPUT = "output_missing"
    BAD_SEGMENT = "segment_failed"
    MODERATED = "content_moderation"
    INVALID_CONTENT = "invalid_content"
    VECTORS_REFUSED = "vectors_refused"
    TRANSIENT = "transient_service_error"
    NOT_FINISHED = "not_finished"

    @property
    def retryable(self) -> bool:
        """Whether the same bytes may well succeed next time."""
        return self in _RETRYABLE

    @property
    def next_step(self) -> str:
        """What a person does about it, in one sentence."""
        return _NEXT_STEPS[self]


# Nothing was paid for these: whatever they were, a source that is listed again is worth another look.
FREE_REASONS = frozenset({Reason.MISSING, Reason.UNREADABLE, Reason.CHANGED})

_RETRYABLE = frozenset({Reason.TRANSIENT, Reason.NO_OUTPUT, Reason.NOT_FINISHED, Reason.UNREADABLE})

_NEXT_STEPS = {
    Reason.UNSUPPORTED: "Convert it to a supported type, or leave it: it is never sent to the model.",
    Reason.EMPTY: "Upload the file again with its content, or delete it.",
    Reason.TOO_LARGE: "Split the file below the model's limit and upload the parts.",
    Reason.TOO_LONG: "Cut the recording into parts below the model's two hours and upload those.",
    Reason.TOO_MANY_SEGMENTS: "Split the file: even the longest legal segments make more than the model takes.",
    Reason.BROKEN: "The file cannot be read to its end; export or upload it again.",
    Reason.NO_PICTURE: "Upload it as audio if the sound is wanted, or export the video with its picture.",
    Reason.NO_SOUND: "There is nothing to hear in it: export the recording again, or delete it.",
    Reason.ENCRYPTED: "Upload the document without its password.",
    Reason.VECTORS_REFUSED: "S3 Vectors would not take it; its sentence says why. Mend that, then retry the failed.",
    Reason.WRONG_CONTENT: "Give the file the extension of what it holds, or upload the right content.",
    Reason.MISSING: "Upload the object again if it is still wanted; otherwise nothing is to be done.",
    Reason.UNREADABLE: "Let the task's role read the object (s3:GetObject, and kms:Decrypt for a KMS key).",
    Reason.CHANGED: "Run again: the new version will be embedded.",
    Reason.REFUSED: "Read Bedrock's sentence; then correct the run's parameters or the file.",
    Reason.JOB_FAILED: "Read Bedrock's sentence; upload a repaired file, or run again with force.",
    Reason.NO_OUTPUT: "Run again: the job's output was missing, so the source will be embedded anew.",
    Reason.BAD_SEGMENT: "The other segments are stored; repair the file, or run again with force.",
    Reason.MODERATED: "The model's content policy refused it; nothing is to be done but leave it out.",
    Reason.INVALID_CONTENT: "The model could not decode it; re-encode the file and upload it again.",
    Reason.TRANSIENT: "Run again: the service was busy or failed, and the source will be taken up anew.",
    Reason.NOT_FINISHED: "Run again: the finished job will be found and stored, and not paid for twice.",
}


class BadSource(NovaMMEError, ValueError):
    """One source that cannot be embedded.

    :ivar uri: the source, ``s3://bucket/key``.
    :ivar reason: the class that the ledger and the report keep.
    """

    def __init__(self, uri: str, reason: Reason, message: str) -> None:
        super().__init__(f"{uri}: {message}")
        self.uri = uri
        self.reason = reason
        self.message = message

"""A job's end: where its output is, and the summary that names its files."""

from __future__ import annotations

import pytest
from core.builders import ACCOUNT, make_summary
from core.deployment import Deployment

from nova_mme.errors import BadSource, Reason
from nova_mme.invocation import ResultFile, output_folder, read_summary
from nova_mme.source import S3Uri

_ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc123def456"
_FOLDER = S3Uri("output", "nova/x/abc123def456")
_SOURCE = "s3://media/x.mp4"
_FILE = ResultFile("VIDEO", str(_FOLDER.join("embedding-video.jsonl")), False, Reason.JOB_FAILED, "")


def _summarise(buckets: Deployment, body: bytes) -> list[ResultFile]:
    buckets.s3.put_object(Bucket="output", Key=_FOLDER.join("segmented-embedding-result.json").key, Body=body)
    return read_summary(buckets.s3, _FOLDER, _SOURCE)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("s3://output/nova/x/abc123def456", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x/abc123def456/", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x", "s3://output/nova/x/abc123def456"),
        ("s3://output/nova/x/", "s3://output/nova/x/abc123def456"),
        ("s3://output", "s3://output/abc123def456"),
    ],
)
def test_the_output_folder_ends_in_the_invocations_id(uri: str, folder: str) -> None:
    """Whether or not GetAsyncInvoke's URI already does."""
    invocation = {"invocationArn": _ARN, "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": uri}}}

    assert str(output_folder(invocation)) == folder


def test_a_summary_names_the_files(buckets: Deployment) -> None:
    """Two for AUDIO_VIDEO_SEPARATE; a partial success has a file as well."""
    files = _summarise(
        buckets,
        make_summary(
            {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": "s3://output/v.jsonl"},
            {
                "embeddingType": "AUDIO",
                "status": "PARTIAL_SUCCESS",
                "outputFileUri": "s3://output/a.jsonl",
                "message": "1 of 2",
            },
        ),
    )

    assert [(file.embedding_type, file.uri, file.failed) for file in files] == [
        ("VIDEO", "s3://output/v.jsonl", False),
        ("AUDIO", "s3://output/a.jsonl", False),
    ]


@pytest.mark.parametrize("status", ["FAILURE", "FAILED"])
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("INVALID_CONTENT", Reason.INVALID_CONTENT),
        ("RAI_VIOLATION_INPUT_IMAGE_DEFLECTION", Reason.MODERATED),
        ("RAI_VIOLATION_INPUT_TEXT_DEFLECTION", Reason.MODERATED),
        ("RATE_LIMIT_EXCEEDED", Reason.TRANSIENT),
        ("INTERNAL_SERVER_EXCEPTION", Reason.TRANSIENT),
        ("SOMETHING_NEW", Reason.JOB_FAILED),
    ],
)
def test_a_failed_type_says_why(buckets: Deployment, status: str, cause: str, reason: Reason) -> None:
    """Under either spelling of the status; a cause that is not known is still a failure."""
    (file,) = _summarise(
        buckets, make_summary({"embeddingType": "VIDEO", "status": status, "failureReason": cause})
    )

    assert (file.failed, file.reason, file.message) == (True, reason, cause)


def test_a_type_without_a_file_has_failed(buckets: Deployment) -> None:
    """Whatever its status says: the other type's file is still read."""
    files = _summarise(
        buckets,
        make_summary(
            {"embeddingType": "AUDIO", "status": "SUCCESS"},
            {"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": _FILE.uri},
        ),
    )

    assert [(file.embedding_type, file.failed) for file in files] == [("AUDIO", True), ("VIDEO", False)]


def test_a_missing_summary_is_missing_output(buckets: Deployment) -> None:
    """The output was deleted: the source is worth another job."""
    with pytest.raises(BadSource, match=r"segmented-embedding-result\.json is missing") as caught:
        read_summary(buckets.s3, _FOLDER, _SOURCE)

    assert (caught.value.reason, caught.value.uri) == (Reason.NO_OUTPUT, _SOURCE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'{"embeddingResults": []}',
        b'{"embeddingResults": null}',
        b'{"embeddingResults": [null]}',
        b'{"embeddingResults": [{"status": "SUCCESS", "outputFileUri": "s3://output/v.jsonl"}]}',
        b'{"embeddingResults": [{"embeddingType": "VIDEO", "status": "SUC',
    ],
)
def test_a_summary_without_results_is_missing_output(buckets: Deployment, body: bytes) -> None:
    """Whatever is wrong with it, it is this one source's trouble: BadSource, nothing else."""
    with pytest.raises(BadSource) as caught:
        _summarise(buckets, body)

    assert (caught.value.reason, caught.value.uri) == (Reason.NO_OUTPUT, _SOURCE)


def test_the_summary_is_read_from_the_expected_owner(buckets: Deployment) -> None:
    """S3 is asked to refuse an output bucket of another account."""
    _summarise(
        buckets, make_summary({"embeddingType": "VIDEO", "status": "SUCCESS", "outputFileUri": _FILE.uri})
    )
    with buckets.record("s3") as sent:
        read_summary(buckets.s3, _FOLDER, _SOURCE, owner=ACCOUNT)

    assert [call.params.get("ExpectedBucketOwner") for call in sent] == [ACCOUNT]

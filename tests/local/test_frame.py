"""The frame around the services: which one a call goes to, and how it is counted."""

from __future__ import annotations

import urllib.request

import pytest
from botocore.exceptions import ClientError
from local.clients import ask, show_stats

from nova_mme_local.scope import Scope, find_scope, forge_authorization
from nova_mme_local.server import LocalAws


@pytest.mark.parametrize(
    ("headers", "query", "path", "scope"),
    [
        (
            {
                "authorization": "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/dynamodb/aws4_request, Signature=0"
            },
            {},
            "/",
            Scope("dynamodb", "eu-west-1", "AK"),
        ),
        (
            {"authorization": forge_authorization("bedrock", "us-east-1")},
            {},
            "/async-invoke",
            "bedrock-runtime",
        ),
        (
            {"authorization": forge_authorization("bedrock", "us-east-1")},
            {},
            "/model/m/invoke",
            "bedrock-runtime",
        ),
        ({"authorization": forge_authorization("bedrock", "us-east-1")}, {}, "/foundation-models", "bedrock"),
        ({"authorization": "Bearer bedrock-api-key"}, {}, "/model/m/invoke", "bedrock-runtime"),
        (
            {},
            {"X-Amz-Credential": "AK/20260101/us-west-2/s3/aws4_request"},
            "/b/k",
            Scope("s3", "us-west-2", "AK"),
        ),
        (
            {},
            {"X-Amz-Credential": "A/K/20260101/us-west-2/sts/aws4_request"},
            "/",
            Scope("sts", "us-west-2", "A/K"),
        ),
        ({}, {}, "/bucket/key", Scope()),
        ({"authorization": "nonsense"}, {}, "/bucket/key", Scope()),
    ],
)
def test_the_scope_says_whom_a_request_is_for(headers: dict, query: dict, path: str, scope: Scope | str):
    """Service, region and access key come from the signature or the presigned URL; unsigned means S3."""
    found = find_scope(path, query, headers)
    assert found == scope if isinstance(scope, Scope) else found.service == scope


def test_one_address_answers_for_all_services(client):
    """S3, SQS, DynamoDB, STS, S3 Vectors and Bedrock behind one URL."""
    assert client("s3").list_buckets()["Buckets"] == []
    assert "QueueUrls" not in client("sqs").list_queues()
    assert client("dynamodb").list_tables()["TableNames"] == []
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    assert client("s3vectors").list_vector_buckets()["vectorBuckets"] == []
    assert client("bedrock-runtime").list_async_invokes()["asyncInvokeSummaries"] == []


def test_an_unknown_operation_is_404(local_aws: LocalAws):
    """A path that S3 Vectors does not have is refused in its own protocol."""
    authorization = forge_authorization("s3vectors", "us-east-1")
    status, headers, _ = ask(local_aws, "/Nonsense", method="POST", body=b"{}", Authorization=authorization)
    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


def test_a_presigned_url_reads_and_writes(local_aws: LocalAws, client):
    """Without an Authorization header the scope is found in the query."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "a b/ü.txt"})
    with urllib.request.urlopen(urllib.request.Request(put, data=b"hello", method="PUT")) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "a b/ü.txt"})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"hello"
    assert show_stats(local_aws)["operations"] == {"s3.CreateBucket": 1, "s3.GetObject": 1, "s3.PutObject": 1}


def test_metadata_keeps_its_underscores(client):
    """Names of user metadata come back as they were sent, which plain WSGI would not do."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"", Metadata={"with_underscore": "1", "with-dash": "2"})
    assert s3.head_object(Bucket="bucket", Key="k")["Metadata"] == {"with_underscore": "1", "with-dash": "2"}


def test_every_call_is_counted_by_its_operation(local_aws: LocalAws, client):
    """S3 operations are told from method, path and query; the others from their protocol."""
    s3, sqs, dynamodb, vectors = client("s3"), client("sqs"), client("dynamodb"), client("s3vectors")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"x")
    s3.copy_object(Bucket="bucket", Key="c", CopySource={"Bucket": "bucket", "Key": "k"})
    s3.head_object(Bucket="bucket", Key="k")
    s3.get_object_attributes(Bucket="bucket", Key="k", ObjectAttributes=["ETag"])
    s3.list_objects_v2(Bucket="bucket")
    s3.list_objects(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Suspended"})
    upload = s3.create_multipart_upload(Bucket="bucket", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="m", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.list_parts(Bucket="bucket", Key="m", UploadId=upload)
    s3.complete_multipart_upload(
        Bucket="bucket",
        Key="m",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]},
    )
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "k"}]})
    s3.list_buckets()
    sqs.create_queue(QueueName="queue")
    dynamodb.list_tables()
    vectors.create_vector_bucket(vectorBucketName="vectors")
    vectors.list_tags_for_resource(resourceArn="arn:aws:s3vectors:us-east-1:123456789012:bucket/vectors")
    assert set(show_stats(local_aws)["operations"].values()) == {1}
    assert list(show_stats(local_aws)["operations"]) == sorted(
        [
            *("s3.CreateBucket", "s3.PutObject", "s3.CopyObject", "s3.HeadObject", "s3.GetObjectAttributes"),
            *("s3.ListObjectsV2", "s3.ListObjects", "s3.PutBucketVersioning", "s3.CreateMultipartUpload"),
            *(
                "s3.UploadPart",
                "s3.ListParts",
                "s3.CompleteMultipartUpload",
                "s3.DeleteObjects",
                "s3.ListBuckets",
            ),
            *("sqs.CreateQueue", "dynamodb.ListTables"),
            *("s3vectors.CreateVectorBucket", "s3vectors.ListTagsForResource"),
        ]
    )


def test_refusals_are_counted_apart(local_aws: LocalAws, client):
    """Calls answered with 400 and more stand under "errors", by the same names."""
    for service, call in [
        ("s3", lambda c: c.get_object(Bucket="none", Key="k")),
        ("dynamodb", lambda c: c.describe_table(TableName="none")),
        ("s3vectors", lambda c: c.get_vector_bucket(vectorBucketName="none")),
    ]:
        with pytest.raises(ClientError):
            call(client(service))
    stats = show_stats(local_aws)
    assert stats["operations"] == {}
    assert stats["errors"] == {"s3.GetObject": 1, "dynamodb.DescribeTable": 1, "s3vectors.GetVectorBucket": 1}


def test_bytes_and_jobs_are_told(local_aws: LocalAws, client):
    """The bytes of all request bodies, and the numbers of async jobs."""
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"x" * 1000)
    stats = show_stats(local_aws)
    assert stats["bytes_in"] == 1000
    assert stats["async_jobs"] == {
        "started": 0,
        "in_flight": 0,
        "peak_in_flight": 0,
        "in_flight_seconds": 0,
    }

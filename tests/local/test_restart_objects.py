"""S3 objects and bucket settings are there after a restart, as they were."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from local.clients import running


def list_objects(s3: Any, bucket: str = "bucket") -> list[dict]:
    """List all objects as a product compares them: key, ETag, size, last modification."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry for page in pages for entry in page.get("Contents", [])]


KEYS = ["plain.txt", "a b/c d.txt", "größe/日本.txt", "q?&=+%25#.txt", "a//b", "trailing/", "..", "x" * 900]


def test_objects_come_back_as_they_were(tmp_path):
    """Body, type, metadata, tags, ETag, size and last modification of keys of all kinds survive."""
    with running(tmp_path) as client:
        s3 = client("s3")
        s3.create_bucket(Bucket="bucket")
        for key in KEYS:
            s3.put_object(
                Bucket="bucket",
                Key=key,
                Body=key.encode(),
                ContentType="text/plain",
                Metadata={"caption_de": "Grosse Welle"},
                Tagging="a=1&b=2",
                CacheControl="max-age=60",
            )
        listed = list_objects(s3)
        heads = [s3.head_object(Bucket="bucket", Key=key) for key in KEYS]
        made = s3.list_buckets()["Buckets"]
    with running(tmp_path) as client:
        s3 = client("s3")
        assert list_objects(s3) == listed
        assert s3.list_buckets()["Buckets"] == made
        for key, before in zip(KEYS, heads, strict=True):
            answer = s3.get_object(Bucket="bucket", Key=key)
            assert answer["Body"].read() == key.encode()
            names = ("ETag", "LastModified", "ContentType", "Metadata", "ContentLength", "CacheControl")
            assert {name: answer[name] for name in names} == {name: before[name] for name in names}
            tags = s3.get_object_tagging(Bucket="bucket", Key=key)["TagSet"]
            assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2"}


def test_uploads_in_parts_and_copies_keep_their_etags(tmp_path):
    """A multipart ETag is no digest of the body: it must be remembered; boto3's checksums still agree."""
    body = bytes(range(256)) * 4096 * 12
    with running(tmp_path) as client:
        s3 = client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.upload_fileobj(io.BytesIO(body), "bucket", "parts")
        s3.put_object(Bucket="bucket", Key="whole", Body=b"whole", Metadata={"a": "1"})
        s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "whole"})
        s3.copy_object(Bucket="bucket", Key="copied parts", CopySource={"Bucket": "bucket", "Key": "parts"})
        assert s3.get_object(Bucket="bucket", Key="copied parts")["Body"].read() == body
        listed = list_objects(s3)
    assert {entry["Key"]: entry["ETag"][-3:] for entry in listed}["parts"] == '-2"'
    with running(tmp_path) as client:
        s3 = client("s3")
        assert list_objects(s3) == listed
        for key in ("parts", "copied parts"):
            assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        assert s3.head_object(Bucket="bucket", Key="copy")["Metadata"] == {"a": "1"}


def test_deleted_objects_stay_deleted(tmp_path):
    """Whether deleted one by one, many at a time, or with their bucket; replaced ones are replaced."""
    with running(tmp_path) as client:
        s3 = client("s3")
        for bucket in ("bucket", "gone"):
            s3.create_bucket(Bucket=bucket)
        for number in range(6):
            s3.put_object(Bucket="bucket", Key=f"k{number}", Body=b"old")
        s3.put_object(Bucket="gone", Key="k", Body=b"x")
        s3.put_object(Bucket="bucket", Key="k5", Body=b"new")
        s3.delete_object(Bucket="bucket", Key="k0")
        s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "k1"}, {"Key": "k2"}]})
        s3.delete_object(Bucket="gone", Key="k")
        s3.delete_bucket(Bucket="gone")
        listed = list_objects(s3)
    assert len(list((tmp_path / "objects").iterdir())) == 3
    with running(tmp_path) as client:
        s3 = client("s3")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["bucket"]
        assert list_objects(s3) == listed
        assert s3.get_object(Bucket="bucket", Key="k5")["Body"].read() == b"new"


def test_versions_and_delete_markers_come_back(tmp_path):
    """With versioning, every version keeps its id, its body and its place; a deleted key stays hidden."""
    with running(tmp_path) as client:
        s3 = client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        ids = [
            s3.put_object(Bucket="bucket", Key="k", Body=body.encode())["VersionId"]
            for body in ("one", "two")
        ]
        s3.put_object(Bucket="bucket", Key="hidden", Body=b"x")
        s3.delete_object(Bucket="bucket", Key="hidden")
        before = s3.list_object_versions(Bucket="bucket")
    with running(tmp_path) as client:
        s3 = client("s3")
        after = s3.list_object_versions(Bucket="bucket")
        for name in ("Versions", "DeleteMarkers"):
            assert after[name] == before[name]
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"two"
        assert s3.get_object(Bucket="bucket", Key="k", VersionId=ids[0])["Body"].read() == b"one"
        assert [entry["Key"] for entry in list_objects(s3)] == ["k"]


def test_bucket_settings_come_back(tmp_path):
    """Region, versioning, policy, CORS, tags and lifecycle survive; a removed setting stays removed."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    expiry = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    with running(tmp_path) as client:
        s3 = client("s3", region="eu-west-1")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Suspended"})
        s3.put_bucket_policy(Bucket="bucket", Policy=policy)
        s3.put_bucket_cors(Bucket="bucket", CORSConfiguration={"CORSRules": [rule]})
        s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": [expiry]})
        s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
        s3.delete_bucket_tagging(Bucket="bucket")
    with running(tmp_path) as client:
        s3 = client("s3")
        assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] == "eu-west-1"
        assert s3.get_bucket_versioning(Bucket="bucket")["Status"] == "Suspended"
        assert s3.get_bucket_policy(Bucket="bucket")["Policy"] == policy
        assert s3.get_bucket_cors(Bucket="bucket")["CORSRules"] == [rule]
        assert s3.get_bucket_lifecycle_configuration(Bucket="bucket")["Rules"][0]["ID"] == "old"
        with pytest.raises(s3.exceptions.ClientError, match="NoSuchTagSet"):
            s3.get_bucket_tagging(Bucket="bucket")

"""Vectors are there after a restart; and what is true of every data directory."""

from __future__ import annotations

import sqlite3
import urllib.request
from typing import Any

import pytest
from local.clients import create_table, open_client, running, show_stats

from nova_mme_local.database import LAYOUT, Database, StaleData
from nova_mme_local.datadir import DataDir, DataDirBusy
from nova_mme_local.server import LocalAws


def test_vectors_come_back(tmp_path):
    """Buckets, indexes, vectors in their order, metadata, policies and tags; deletions hold."""
    index = {"vectorBucketName": "media", "indexName": "index"}
    hidden = {"nonFilterableMetadataKeys": ["text"]}
    records = [
        {"key": f"k{n}", "data": {"float32": [n / 3, 1.0]}, "metadata": {"n": n, "text": "ü"}}
        for n in range(9)
    ]
    records[0].pop("metadata")
    with running(tmp_path) as client:
        vectors = client("s3vectors")
        for bucket in ("media", "gone"):
            arn = vectors.create_vector_bucket(vectorBucketName=bucket, tags={"a": "1"})["vectorBucketArn"]
        vectors.delete_vector_bucket(vectorBucketArn=arn)
        fixed = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}
        for name in ("index", "gone"):
            vectors.create_index(**{**index, "indexName": name}, **fixed, metadataConfiguration=hidden)
            vectors.put_vectors(**{**index, "indexName": name}, vectors=records)
        vectors.delete_index(vectorBucketName="media", indexName="gone")
        vectors.delete_vectors(**index, keys=["k3", "k5"])
        vectors.put_vectors(**index, vectors=[{"key": "k1", "data": {"float32": [9.0, 9.0]}}])
        vectors.put_vector_bucket_policy(vectorBucketName="media", policy="{}")
        before = look(vectors, index)
    with running(tmp_path) as client:
        vectors = client("s3vectors")
        assert look(vectors, index) == before
        with pytest.raises(vectors.exceptions.ValidationException):
            vectors.query_vectors(**index, topK=1, queryVector={"float32": [1, 1]}, filter={"text": "ü"})


def look(vectors: Any, index: dict) -> list:
    """Everything S3 Vectors tells about the bucket "media"."""
    answers = [
        vectors.list_vector_buckets(),
        vectors.get_vector_bucket(vectorBucketName="media"),
        vectors.list_indexes(vectorBucketName="media"),
        vectors.get_index(**index),
        vectors.list_vectors(**index, returnData=True, returnMetadata=True),
        vectors.query_vectors(**index, topK=20, queryVector={"float32": [1.0, 1.0]}, returnDistance=True),
        vectors.get_vector_bucket_policy(vectorBucketName="media"),
        vectors.list_tags_for_resource(resourceArn="arn:aws:s3vectors:us-east-1:123456789012:bucket/media"),
    ]
    return [{name: value for name, value in a.items() if name != "ResponseMetadata"} for a in answers]


# --- the directory -----------------------------------------------------------------------------------


def test_a_restart_counts_nothing(tmp_path):
    """Restoring is no call: all counters start at zero."""
    with running(tmp_path) as client:
        client("s3").create_bucket(Bucket="bucket")
        client("s3").put_object(Bucket="bucket", Key="k", Body=b"x")
    with LocalAws(data=tmp_path) as aws:
        stats = show_stats(aws)
    assert (stats["operations"], stats["errors"], stats["bytes_in"]) == ({}, {}, 0)


def test_a_reset_empties_the_disk_too(tmp_path):
    """After /_local/reset and a restart there is nothing, and nothing is left in the directory of bodies."""
    with LocalAws(data=tmp_path) as aws:
        s3, dynamodb = open_client(aws, "s3"), open_client(aws, "dynamodb")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        create_table(dynamodb)
        dynamodb.put_item(TableName="table", Item={"k": {"S": "1"}})
        open_client(aws, "s3vectors").create_vector_bucket(vectorBucketName="media")
        urllib.request.urlopen(urllib.request.Request(f"{aws.url}/_local/reset", method="POST")).close()
        create_table(dynamodb)
    assert list((tmp_path / "objects").iterdir()) == []
    with running(tmp_path) as client:
        assert client("s3").list_buckets()["Buckets"] == []
        assert client("dynamodb").scan(TableName="table")["Items"] == []
        assert client("s3vectors").list_vector_buckets()["vectorBuckets"] == []


def test_a_directory_has_one_owner(tmp_path):
    """A second process on the same directory is refused with a sentence; the first failure leaves nothing open."""
    other = DataDir(tmp_path)
    with pytest.raises(DataDirBusy, match="another local AWS is using"):
        LocalAws(data=tmp_path)
    other.close()
    with running(tmp_path) as client:
        assert client("s3").list_buckets()["Buckets"] == []


def test_data_of_another_version_is_refused(tmp_path):
    """A file with another layout is not read wrongly: the message says which one and what to do."""
    Database(tmp_path / "moto.sqlite3", "").close()
    with sqlite3.connect(tmp_path / "moto.sqlite3") as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    connection.close()
    with pytest.raises(StaleData, match="another version of local AWS"):
        LocalAws(data=tmp_path)


def test_bodies_nobody_owns_are_swept(tmp_path):
    """A body whose call was never answered, because the process died, is removed at the next start."""
    with running(tmp_path) as client:
        client("s3").create_bucket(Bucket="bucket")
        client("s3").put_object(Bucket="bucket", Key="k", Body=b"x")
    [owned] = (tmp_path / "objects").iterdir()
    for name in ("0123abcd", "0123abcd.part"):
        (tmp_path / "objects" / name).write_bytes(b"half")
    with running(tmp_path):
        assert list((tmp_path / "objects").iterdir()) == [owned]

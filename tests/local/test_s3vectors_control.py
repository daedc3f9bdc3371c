"""Vector buckets, indexes, policies and tags behave as Amazon S3 Vectors documents them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nova_mme_local.s3vectors.archive import Archive
from nova_mme_local.s3vectors.catalog import Catalog
from nova_mme_local.s3vectors.control_plane import ControlPlane
from nova_mme_local.s3vectors.service import S3Vectors
from nova_mme_local.shapes import service_model
from nova_mme_local.wire import AwsError, Request

ACCOUNT = "123456789012"
BUCKET_ARN = f"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/media"


@pytest.fixture
def vectors(client) -> Any:
    """A client, and the vector bucket "media"."""
    vectors = client("s3vectors")
    vectors.create_vector_bucket(vectorBucketName="media")
    return vectors


def create_index(vectors: Any, name: str = "index", **changes: Any) -> str:
    params = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine", **changes}
    return vectors.create_index(vectorBucketName="media", indexName=name, **params)["indexArn"]


def refusal(call: Any, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    )


def test_a_bucket_is_described_as_it_was_created(client):
    """Create answers the ARN, get the rest: creation time, encryption, default index mode."""
    vectors = client("s3vectors")
    assert vectors.create_vector_bucket(vectorBucketName="media")["vectorBucketArn"] == BUCKET_ARN
    by_name = vectors.get_vector_bucket(vectorBucketName="media")["vectorBucket"]
    by_arn = vectors.get_vector_bucket(vectorBucketArn=BUCKET_ARN)["vectorBucket"]
    assert by_name == by_arn
    assert by_name["vectorBucketArn"] == BUCKET_ARN
    assert by_name["encryptionConfiguration"] == {"sseType": "AES256"}
    assert abs(by_name["creationTime"].timestamp() - time.time()) < 60


def test_an_index_is_described_as_it_was_created(vectors):
    """GetIndex tells everything CreateIndex was given, under "index"."""
    hidden = {"nonFilterableMetadataKeys": ["text", "etag"]}
    arn = create_index(vectors, dimension=1024, distanceMetric="euclidean", metadataConfiguration=hidden)
    assert arn == f"{BUCKET_ARN}/index/index"
    index = vectors.get_index(indexArn=arn)["index"]
    assert index == vectors.get_index(vectorBucketName="media", indexName="index")["index"]
    told = {name: index[name] for name in ("indexName", "vectorBucketName", "indexArn", "dimension")}
    assert told == {"indexName": "index", "vectorBucketName": "media", "indexArn": arn, "dimension": 1024}
    assert (index["dataType"], index["distanceMetric"]) == ("float32", "euclidean")
    assert index["metadataConfiguration"] == hidden


def test_a_taken_name_conflicts_and_changes_nothing(vectors):
    """A second bucket or index of the name is a 409; the first keeps its vectors."""
    create_index(vectors)
    vectors.put_vectors(
        vectorBucketName="media", indexName="index", vectors=[{"key": "k", "data": {"float32": [1, 0]}}]
    )
    code, status, _ = refusal(vectors.create_vector_bucket, vectorBucketName="media")
    assert (code, status) == ("ConflictException", 409)
    code, status, _ = refusal(
        vectors.create_index,
        vectorBucketName="media",
        indexName="index",
        dataType="float32",
        dimension=9,
        distanceMetric="cosine",
    )
    assert (code, status) == ("ConflictException", 409)
    assert vectors.get_index(vectorBucketName="media", indexName="index")["index"]["dimension"] == 2
    assert len(vectors.list_vectors(vectorBucketName="media", indexName="index")["vectors"]) == 1


def test_a_bucket_belongs_to_its_region(vectors, client):
    """The same name is free in another region, and unknown there."""
    elsewhere = client("s3vectors", region="eu-west-1")
    assert refusal(elsewhere.get_vector_bucket, vectorBucketName="media")[0] == "NotFoundException"
    assert refusal(elsewhere.get_vector_bucket, vectorBucketArn=BUCKET_ARN)[0] == "NotFoundException"
    arn = elsewhere.create_vector_bucket(vectorBucketName="media")["vectorBucketArn"]
    assert arn == BUCKET_ARN.replace("us-east-1", "eu-west-1")
    assert refusal(elsewhere.get_vector_bucket, vectorBucketArn=BUCKET_ARN)[0] == "NotFoundException"


def test_only_an_empty_bucket_can_be_deleted(vectors):
    """With an index it is a conflict; without, it is gone, and deleting it again is NotFound."""
    create_index(vectors)
    assert refusal(vectors.delete_vector_bucket, vectorBucketName="media")[:2] == ("ConflictException", 409)
    vectors.delete_index(vectorBucketName="media", indexName="index")
    vectors.delete_vector_bucket(vectorBucketArn=BUCKET_ARN)
    assert refusal(vectors.delete_vector_bucket, vectorBucketName="media")[:2] == ("NotFoundException", 404)


def test_what_does_not_exist_is_not_found(vectors):
    """Unknown buckets and indexes are 404, whatever the operation."""
    index = {"vectorBucketName": "media", "indexName": "nothing"}
    for call, params in [
        (vectors.get_index, index),
        (vectors.delete_index, index),
        (vectors.list_vectors, index),
        (vectors.get_vectors, {**index, "keys": ["k"]}),
        (vectors.delete_vectors, {**index, "keys": ["k"]}),
        (vectors.query_vectors, {**index, "topK": 1, "queryVector": {"float32": [1.0]}}),
        (vectors.put_vectors, {**index, "vectors": [{"key": "k", "data": {"float32": [1.0]}}]}),
        (vectors.list_indexes, {"vectorBucketName": "nothing"}),
        (vectors.get_vector_bucket_policy, {"vectorBucketName": "media"}),
        (vectors.list_tags_for_resource, {"resourceArn": f"{BUCKET_ARN}/index/nothing"}),
    ]:
        assert refusal(call, **params)[:2] == ("NotFoundException", 404), call


def test_a_deleted_index_takes_its_vectors_along(vectors):
    """An index made again under the same name is empty."""
    index = {"vectorBucketName": "media", "indexName": "index"}
    create_index(vectors)
    vectors.put_vectors(**index, vectors=[{"key": "k", "data": {"float32": [1.0, 0.0]}}])
    vectors.delete_index(**index)
    create_index(vectors)
    assert vectors.list_vectors(**index)["vectors"] == []


def test_a_reference_is_a_name_or_an_arn(vectors):
    """Neither, both, or half of one is a ValidationException."""
    arn = create_index(vectors)
    for call, params in [
        (vectors.get_vector_bucket, {}),
        (vectors.get_vector_bucket, {"vectorBucketName": "media", "vectorBucketArn": BUCKET_ARN}),
        (vectors.get_index, {}),
        (vectors.get_index, {"indexName": "index"}),
        (vectors.get_index, {"vectorBucketName": "media", "indexName": "index", "indexArn": arn}),
    ]:
        assert refusal(call, **params)[:2] == ("ValidationException", 400)


@pytest.mark.parametrize("name", ["Media", "under_score", "-dash", "dot.", "a b"])
def test_a_name_that_breaks_the_rules_is_refused(vectors, name: str):
    """Upper case, underscores, and dashes or dots at an end are not allowed, for buckets and indexes."""
    code, status, told = refusal(vectors.create_vector_bucket, vectorBucketName=name)
    assert (code, status) == ("ValidationException", 400)
    assert name in told
    with pytest.raises(ClientError, match="lowercase"):
        create_index(vectors, name)


def test_the_length_of_a_name_is_limited(vectors):
    """64 characters are refused by the model's maximum, 63 are fine."""
    vectors.create_vector_bucket(vectorBucketName="b" * 63)
    with pytest.raises(ClientError, match="between 3 and 63") as caught:
        vectors.create_vector_bucket(vectorBucketName="b" * 64)
    assert caught.value.response["fieldList"][0]["path"] == "/vectorBucketName"


def test_buckets_are_listed_in_pages(vectors):
    """Pages follow one another by name; a prefix narrows; the paginator finds all."""
    for name in ("aaa", "bbb", "ccc", "mediatheque"):
        vectors.create_vector_bucket(vectorBucketName=name)
    pages = vectors.get_paginator("list_vector_buckets").paginate(PaginationConfig={"PageSize": 2})
    names = [[bucket["vectorBucketName"] for bucket in page["vectorBuckets"]] for page in pages]
    assert names == [["aaa", "bbb"], ["ccc", "media"], ["mediatheque"]]
    found = vectors.list_vector_buckets(prefix="media")["vectorBuckets"]
    assert [bucket["vectorBucketName"] for bucket in found] == ["media", "mediatheque"]


def test_a_page_is_not_disturbed_by_deletions(vectors):
    """Deleting what was listed already does not make the next page skip anything."""
    for name in ("index-a", "index-b", "index-c"):
        create_index(vectors, name)
    first = vectors.list_indexes(vectorBucketName="media", maxResults=1)
    vectors.delete_index(vectorBucketName="media", indexName="index-a")
    second = vectors.list_indexes(vectorBucketName="media", maxResults=5, nextToken=first["nextToken"])
    assert [index["indexName"] for index in second["indexes"]] == ["index-b", "index-c"]
    assert "nextToken" not in second


def test_a_token_of_another_list_is_refused(vectors):
    """A token is bound to its bucket and prefix; a made-up one is refused too."""
    for name in ("index-a", "index-b"):
        create_index(vectors, name)
    token = vectors.list_indexes(vectorBucketName="media", maxResults=1)["nextToken"]
    for params in ({"prefix": "index", "nextToken": token}, {"nextToken": "made-up"}):
        code, _, told = refusal(vectors.list_indexes, vectorBucketName="media", **params)
        assert code == "ValidationException"
        assert "nextToken" in told


def test_indexes_are_listed_by_prefix(vectors):
    """A listed index has its name, ARN, bucket and creation time, and nothing else."""
    for name in ("embeddings-256d", "embeddings-384d", "other"):
        create_index(vectors, name)
    [first, second] = vectors.list_indexes(vectorBucketArn=BUCKET_ARN, prefix="embeddings")["indexes"]
    assert set(first) == {"vectorBucketName", "indexName", "indexArn", "creationTime"}
    assert [first["indexName"], second["indexName"]] == ["embeddings-256d", "embeddings-384d"]


def test_a_policy_comes_back_as_it_was_put(vectors):
    """Put, get and delete; what is no JSON object is refused."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    vectors.put_vector_bucket_policy(vectorBucketName="media", policy=policy)
    assert vectors.get_vector_bucket_policy(vectorBucketName="media")["policy"] == policy
    for wrong in ("{", "[]"):
        assert refusal(vectors.put_vector_bucket_policy, vectorBucketName="media", policy=wrong)[1] == 400
    vectors.delete_vector_bucket_policy(vectorBucketName="media")
    assert refusal(vectors.get_vector_bucket_policy, vectorBucketName="media")[0] == "NotFoundException"


def test_tags_are_added_replaced_and_removed(vectors):
    """Tags of a bucket and of an index live apart."""
    arn = create_index(vectors, tags={"team": "search"})
    vectors.tag_resource(resourceArn=arn, tags={"team": "media", "stage": "local"})
    vectors.tag_resource(resourceArn=BUCKET_ARN, tags={"a": "1", "b": "2", "c": "3"})
    vectors.untag_resource(resourceArn=BUCKET_ARN, tagKeys=["a", "c", "unknown"])
    assert vectors.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "media", "stage": "local"}
    assert vectors.list_tags_for_resource(resourceArn=BUCKET_ARN)["tags"] == {"b": "2"}


def test_there_are_at_most_fifty_tags(vectors):
    """The fifty-first tag is refused, and none of its request is stored."""
    vectors.tag_resource(resourceArn=BUCKET_ARN, tags={f"k{n}": "v" for n in range(50)})
    assert refusal(vectors.tag_resource, resourceArn=BUCKET_ARN, tags={"k0": "w", "one": "more"})[1] == 400
    assert vectors.list_tags_for_resource(resourceArn=BUCKET_ARN)["tags"]["k0"] == "v"


def test_encryption_is_inherited_and_checked(vectors):
    """An index has its bucket's encryption unless it has its own; a key goes with aws:kms only."""
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/abc"
    vectors.create_vector_bucket(
        vectorBucketName="secret", encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key}
    )
    params = {"indexName": "index", "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    vectors.create_index(vectorBucketName="secret", **params)
    index = vectors.get_index(vectorBucketName="secret", indexName="index")["index"]
    assert index["encryptionConfiguration"] == {"sseType": "aws:kms", "kmsKeyArn": key}
    with pytest.raises(ClientError, match="kmsKeyArn goes with"):
        create_index(vectors, encryptionConfiguration={"sseType": "aws:kms"})


def test_a_non_filterable_key_is_named_once(vectors):
    """A key that is named twice is refused; eleven keys are too many."""
    for keys in (["a", "a"], [f"k{n}" for n in range(11)]):
        with pytest.raises(ClientError, match="nonFilterableMetadataKeys"):
            create_index(vectors, metadataConfiguration={"nonFilterableMetadataKeys": keys})


def test_every_operation_of_the_model_is_there():
    """Whatever the installed botocore can ask of S3 Vectors, local AWS answers."""
    service = S3Vectors(None)
    model = service_model("s3vectors")
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].replace("{resourceArn}", "arn")
        assert service.operation(Request(http["method"], path, {}, {}, b"", "us-east-1")) == name
    service.close()


def test_index_modes_can_only_be_enhanced():
    """Buckets of today cannot go back to CLASSIC; newer botocore has the operations, older ones do not."""
    catalog = Catalog(Archive(None))
    handlers = ControlPlane(catalog).handlers
    handlers["CreateVectorBucket"]({"vectorBucketName": "media"}, "us-east-1")
    mode = {"vectorBucketName": "media", "defaultIndexMode": "ENHANCED"}
    assert handlers["PutVectorBucketDefaultIndexMode"](mode, "us-east-1") == {}
    with pytest.raises(AwsError, match="can only be ENHANCED"):
        handlers["PutVectorBucketDefaultIndexMode"]({**mode, "defaultIndexMode": "CLASSIC"}, "us-east-1")
    catalog.archive.close()

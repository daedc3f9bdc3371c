"""Requests are checked against botocore's model, and errors are told as AWS tells them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nova_mme_local.wire import (
    AwsError,
    answer_error,
    answer_json,
    find_status,
    read_json,
    read_params,
    validate,
)

INDEX = {
    "vectorBucketName": "bucket",
    "indexName": "index",
    "dataType": "float32",
    "dimension": 3,
    "distanceMetric": "cosine",
}


def refusal(operation: str, params: dict) -> AwsError:
    with pytest.raises(AwsError) as caught:
        validate("s3vectors", operation, params)
    return caught.value


def test_right_parameters_pass():
    """A request that the model allows is not refused."""
    assert validate("s3vectors", "CreateIndex", INDEX) is None


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"dimension": 4097}, "/dimension", "less than or equal to 4096"),
        ({"dimension": 0}, "/dimension", "greater than or equal to 1"),
        ({"dimension": "3"}, "/dimension", "must be an integer"),
        ({"dimension": True}, "/dimension", "must be an integer"),
        ({"dimension": 3.5}, "/dimension", "must be an integer"),
        ({"distanceMetric": "dotproduct"}, "/distanceMetric", "[euclidean, cosine]"),
        ({"indexName": None}, "/indexName", "must not be null"),
        ({"indexName": "ab"}, "/indexName", "between 3 and 63"),
        ({"indexName": 7}, "/indexName", "must be a string"),
        ({"tags": {"bad!": "x"}}, "/tags/bad!", "regular expression"),
        ({"tags": {"k": "x" * 257}}, "/tags/k", "between 0 and 256"),
        ({"tags": ["k"]}, "/tags", "must be a map"),
        ({"metadataConfiguration": "k"}, "/metadataConfiguration", "must be a structure"),
        (
            {"metadataConfiguration": {"nonFilterableMetadataKeys": [f"k{n}" for n in range(11)]}},
            "/metadataConfiguration/nonFilterableMetadataKeys",
            "between 1 and 10",
        ),
        (
            {"metadataConfiguration": {"nonFilterableMetadataKeys": ["ok", "x" * 64]}},
            "/metadataConfiguration/nonFilterableMetadataKeys/2",
            "between 1 and 63",
        ),
    ],
)
def test_a_violation_names_its_path_and_its_constraint(change: dict, path: str, told: str):
    """Every constraint of the model is enforced, and the fieldList says where it was broken."""
    error = refusal("CreateIndex", {**INDEX, **change})
    assert error.code == "ValidationException"
    assert [field for field, _ in error.fields] == [path]
    assert told in error.message


def test_all_violations_are_told_at_once():
    """Two mistakes give one error with two fields."""
    error = refusal("CreateIndex", {**INDEX, "dimension": 0, "dataType": "int8"})
    assert {path for path, _ in error.fields} == {"/dimension", "/dataType"}
    assert error.message.startswith("2 validation errors detected")


def test_patterns_know_letters_of_all_scripts():
    """The model's \\p{L} and \\p{N} accept what Java's do, which Python's re does not know."""
    assert validate("s3vectors", "CreateIndex", {**INDEX, "tags": {"größe_大": "½ мир"}}) is None


def test_a_boolean_and_a_union_are_checked():
    """returnData must be a boolean; vector data must have exactly one member."""
    keys = {"indexArn": "arn:aws:s3vectors:us-east-1:123456789012:bucket/bucket/index/index", "keys": ["a"]}
    assert [path for path, _ in refusal("GetVectors", {**keys, "returnData": 1}).fields] == ["/returnData"]
    query = {**keys, "topK": 1, "queryVector": {}}
    assert [path for path, _ in refusal("QueryVectors", query).fields] == ["/queryVector"]


def test_json_that_is_none_is_refused():
    """NaN and half a document are ValidationExceptions; nothing at all is an empty object."""
    assert read_json(b"") == {}
    for body in (b'{"a": NaN}', b'{"a": '):
        with pytest.raises(AwsError) as caught:
            read_json(body)
        assert caught.value.code == "ValidationException"


def test_parameters_must_be_an_object():
    """A JSON list is no set of parameters."""
    with pytest.raises(AwsError, match="JSON object"):
        read_params(b"[1]")


def test_numpy_is_encoded_as_short_float32():
    """A float32 array leaves as the shortest numbers that read back to the same float32."""
    values = np.array([0.1, 1 / 3], np.float32)
    body = answer_json({"float32": values}).body
    assert body == b'{"float32":[0.1,0.33333334]}'
    assert np.array_equal(np.array(json.loads(body)["float32"], np.float32), values)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NotFoundException", 404),
        ("ConflictException", 409),
        ("ServiceQuotaExceededException", 402),
        ("TooManyRequestsException", 429),
        ("ValidationException", 400),
        ("SomeThrottlingException", 429),
        ("SomethingElse", 400),
    ],
)
def test_status_comes_from_the_model(code: str, status: int):
    """Known codes have the model's status, unknown ones what their name suggests."""
    assert find_status("s3vectors", code) == status


def test_an_error_has_its_type_in_the_header_and_its_fields_in_the_body():
    """boto3 reads the code from x-amzn-ErrorType, the message and the fieldList from the body."""
    answer = answer_error("s3vectors", refusal("CreateIndex", {**INDEX, "dimension": 0}))
    assert answer.status == 400
    assert dict(answer.headers)["x-amzn-ErrorType"] == "ValidationException"
    assert json.loads(answer.body)["fieldList"] == [
        {"path": "/dimension", "message": "Member must have value greater than or equal to 1"}
    ]


def test_a_field_list_is_told_only_where_the_model_has_it():
    """Bedrock's ValidationException has no fieldList, so none is sent."""
    error = AwsError("ValidationException", "no", fields=[("/modelId", "no")])
    assert json.loads(answer_error("bedrock-runtime", error).body) == {"message": "no"}


def test_a_status_of_its_own_wins():
    """An error may carry a status that is not the model's."""
    assert answer_error("s3vectors", AwsError("ValidationException", "big", status=413)).status == 413

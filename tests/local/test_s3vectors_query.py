"""QueryVectors: ranking, distances, filters, pages and their tokens."""

from __future__ import annotations

import http.client
import json
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from local.indexes import INDEX, RANDOM, fill, keys_of, open_vectors

from nova_mme_local.scope import forge_authorization


@pytest.fixture
def vectors(client) -> Any:
    """A client and the vector bucket "media"."""
    return open_vectors(client)


def query(vectors: Any, values: np.ndarray, top_k: int = 10, **options: Any) -> dict:
    """Query as boto3 does, but as plain HTTP: older boto3 knows no nextToken. Errors are boto3's."""
    params = {**INDEX, "topK": top_k, "queryVector": {"float32": np.asarray(values, np.float32).tolist()}}
    connection = http.client.HTTPConnection(vectors.meta.endpoint_url.removeprefix("http://"))
    headers = {"Authorization": forge_authorization("s3vectors", "us-east-1")}
    body = json.dumps({**params, **options}).replace("NaN", '"NaN"')  # as botocore writes it
    connection.request("POST", "/QueryVectors", body=body, headers=headers)
    answer = connection.getresponse()
    told = json.load(answer)
    connection.close()
    if answer.status != 200:
        code = answer.headers["x-amzn-ErrorType"]
        raise ClientError({"Error": {"Code": code, "Message": told["message"]}}, "QueryVectors")
    return told


def distances_to(rows: np.ndarray, values: np.ndarray, metric: str) -> np.ndarray:
    """Compute the distances in double precision, by their definition."""
    rows, values = rows.astype(float), np.asarray(values, float)
    if metric == "euclidean":
        return np.linalg.norm(rows - values, axis=1)
    return 1 - rows @ values / np.linalg.norm(rows, axis=1) / np.linalg.norm(values)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_and_distances_are_exact(vectors, metric: str):
    """Ranking and distances equal those computed in double precision."""
    rows = fill(vectors, 300, metric=metric)
    values = RANDOM.standard_normal(8)
    answer = vectors.query_vectors(
        **INDEX, topK=20, queryVector={"float32": values.tolist()}, returnDistance=True
    )
    expected = distances_to(rows, values, metric)
    assert keys_of(answer) == [f"k{n}" for n in np.argsort(expected)[:20]]
    found = [vector["distance"] for vector in answer["vectors"]]
    assert found == pytest.approx(np.sort(expected)[:20], abs=1e-5)
    assert answer["distanceMetric"] == metric


def test_cosine_distances_run_from_zero_to_two(vectors):
    """The same direction is at 0, a right angle at 1, the opposite at 2, whatever the lengths."""
    vectors.create_index(**INDEX, dataType="float32", dimension=2, distanceMetric="cosine")
    directions = {"same": [5, 0], "right": [0, 0.1], "opposite": [-3, 0]}
    vectors.put_vectors(**INDEX, vectors=[{"key": k, "data": {"float32": v}} for k, v in directions.items()])
    answer = query(vectors, [2, 0], returnDistance=True)
    assert {v["key"]: v["distance"] for v in answer["vectors"]} == {"same": 0, "right": 1, "opposite": 2}


def test_only_what_is_asked_for_is_returned(vectors):
    """Keys always, distance and metadata on request, the vector's data never."""
    rows = fill(vectors, 3)
    assert [set(vector) for vector in query(vectors, rows[0])["vectors"]] == [{"key"}] * 3
    [first, *_] = query(vectors, rows[0], returnDistance=True, returnMetadata=True)["vectors"]
    assert set(first) == {"key", "distance", "metadata"}
    assert first["metadata"] == {"n": 0, "even": True}


def test_a_write_is_found_at_once(vectors):
    """Put, replace and delete show in the very next query."""
    rows = fill(vectors, 5)
    vectors.put_vectors(**INDEX, vectors=[{"key": "new", "data": {"float32": (-rows[0]).tolist()}}])
    assert keys_of(query(vectors, -rows[0], 1)) == ["new"]
    vectors.put_vectors(**INDEX, vectors=[{"key": "new", "data": {"float32": rows[1].tolist()}}])
    assert set(keys_of(query(vectors, rows[1], 2))) == {"new", "k1"}
    vectors.delete_vectors(**INDEX, keys=["k1"])
    assert "k1" not in keys_of(query(vectors, rows[1], 10))


def test_a_filter_comes_before_the_search(vectors):
    """With a selective filter topK results are still found, however far away they are."""
    rows = fill(vectors, 400)
    for condition, expected in [
        ({"n": {"$gte": 390}}, range(390, 400)),  # few: their rows are gathered
        ({"even": {"$eq": True}}, range(0, 400, 2)),  # many: all are measured
    ]:
        answer = query(vectors, rows[0], 10, filter=condition, returnDistance=True)
        order = sorted(expected, key=distances_to(rows, rows[0], "cosine").__getitem__)
        assert keys_of(answer) == [f"k{n}" for n in order[:10]]


def test_a_filter_that_nothing_satisfies_finds_nothing(vectors):
    """No match is an empty answer, not an error; so is an empty index."""
    rows = fill(vectors, 5)
    assert query(vectors, rows[0], filter={"n": {"$gt": 99}})["vectors"] == []
    vectors.delete_vectors(**INDEX, keys=[f"k{n}" for n in range(5)])
    assert query(vectors, rows[0])["vectors"] == []


def test_ten_thousand_results_come_in_pages_of_hundred(vectors):
    """topK up to 10,000; each page has 100; together they are the ranking, each key once."""
    rows = fill(vectors, 1100, dimension=2)
    found, token = [], {}
    while not found or token:
        page = query(vectors, rows[3], 10_000, returnDistance=True, **token)
        found.append(page["vectors"])
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert [len(page) for page in found] == [100] * 11
    distances = [vector["distance"] for page in found for vector in page]
    assert distances == sorted(distances)
    assert {vector["key"] for page in found for vector in page} == {f"k{n}" for n in range(1100)}


def test_top_k_ends_the_pages(vectors):
    """With topK 150 there are two pages, of 100 and 50; one page needs no token."""
    rows = fill(vectors, 300)
    first = query(vectors, rows[0], 150)
    second = query(vectors, rows[0], 150, nextToken=first["nextToken"])
    assert (len(first["vectors"]), len(second["vectors"])) == (100, 50)
    assert "nextToken" not in second
    assert "nextToken" not in query(vectors, rows[0], 100)


def test_pages_belong_to_one_search(vectors):
    """A vector that arrives between two pages shifts nothing: no result twice, none lost."""
    rows = fill(vectors, 200)
    first = query(vectors, rows[0], 200)
    nearest = [{"key": f"late{n}", "data": {"float32": rows[0].tolist()}} for n in range(50)]
    vectors.put_vectors(**INDEX, vectors=nearest)
    second = query(vectors, rows[0], 200, nextToken=first["nextToken"])
    assert set(keys_of(first) + keys_of(second)) == {f"k{n}" for n in range(200)}


@pytest.mark.parametrize(
    "change",
    [{"top_k": 160}, {"values": np.ones(8)}, {"filter": {"even": {"$eq": True}}}, {"nextToken": "nonsense"}],
)
def test_a_token_of_another_query_is_refused(vectors, change: dict):
    """The token is bound to vector, topK and filter; a made-up one is refused as well."""
    rows = fill(vectors, 300)
    token = query(vectors, rows[0], 150)["nextToken"]
    with pytest.raises(ClientError, match="nextToken") as caught:
        query(vectors, **{"values": rows[0], "top_k": 150, "nextToken": token, **change})
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_what_a_page_tells_may_change(vectors):
    """The token does not depend on what is returned of each vector."""
    rows = fill(vectors, 150)
    token = query(vectors, rows[0], 150)["nextToken"]
    [vector, *_] = query(vectors, rows[0], 150, nextToken=token, returnMetadata=True)["vectors"]
    assert "metadata" in vector


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"top_k": 10_001}, "less than or equal to 10000"),
        ({"values": [1.0]}, "must have length 8, but has length 1"),
        ({"values": [0.0] * 8}, "zeros"),
        ({"values": [float("nan")] * 8}, "NaN"),
        ({"filter": {}}, "at least one condition"),
    ],
)
def test_a_wrong_query_is_refused(vectors, change: dict, told: str):
    """topK, the query vector and the filter are checked."""
    fill(vectors, 3)
    with pytest.raises(ClientError) as caught:
        query(vectors, **{"values": np.ones(8), **change})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert told in caught.value.response["Error"]["Message"]


def test_a_filter_on_a_hidden_key_is_refused(vectors):
    """Non-filterable keys come back in metadata, but cannot be filtered by."""
    hidden = {"nonFilterableMetadataKeys": ["text"]}
    fixed = {
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "metadataConfiguration": hidden,
    }
    vectors.create_index(**INDEX, **fixed)
    record = {"key": "k", "data": {"float32": [1, 0]}, "metadata": {"text": {"any": ["thing", None]}, "n": 1}}
    vectors.put_vectors(**INDEX, vectors=[record])
    [found] = query(vectors, [1, 0], returnMetadata=True, filter={"n": {"$eq": 1}})["vectors"]
    assert found["metadata"]["text"] == {"any": ["thing", None]}
    with pytest.raises(ClientError, match="'text' is not filterable"):
        query(vectors, [1, 0], filter={"$or": [{"n": {"$eq": 1}}, {"text": {"$exists": True}}]})

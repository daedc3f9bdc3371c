"""Retrieval: the calls of a flat and of a hierarchical search, exact scores, pages, and what is let through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from core.builders import make_vectors
from core.deployment import Deployment
from core.library import CATS, HIERARCHICAL, ask, describe, near, put, stock

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.search import retrieval, vector_answer
from nova_mme.search.condition import Equals
from nova_mme.search.query import embed_query, shorten
from nova_mme.search.request import Request, Strategy, Way
from nova_mme.search.retrieval import Retrieval, Retrieved, find_nearest
from nova_mme.space import DIMENSIONS, Space


def _embed(deployment: Deployment, dimension: int = 3072) -> Any:
    return embed_query(CATS, dimension, bedrock=deployment.bedrock, space=deployment.settings.space)


def _run(deployment: Deployment, request: Request | None = None, **way: Any) -> Retrieved:
    settings = deployment.settings
    found = Retrieval(deployment.s3vectors, "vectors", settings.space, settings.source_uri)
    return found.run(request or ask(), Way(**way), _embed(deployment))


def _uris(found: Retrieved) -> list[str]:
    return [hit.metadata["sourceS3Uri"] for hit in found.hits]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_query_is_asked_of_the_index_of_its_dimension(deployment: Deployment, dimension: int) -> None:
    """With distances and metadata, and no filter unless one is wanted."""
    vector = _embed(deployment, dimension)
    with deployment.record("s3vectors") as sent:
        assert _find(deployment, vector, top_k=7) == []

    (call,) = sent
    del call.params["queryVector"]  # a placeholder, until the request is written
    assert call.params == {
        "vectorBucketName": "vectors",
        "indexName": f"embeddings-{dimension}d",
        "topK": 7,
        "returnDistance": True,
        "returnMetadata": True,
    }


def _find(deployment: Deployment, vector: Any, **options: Any) -> Any:
    place = {"vector_bucket": "vectors", "space": deployment.settings.space}
    return find_nearest(vector, s3vectors=deployment.s3vectors, **{**place, **options})


def test_a_condition_goes_along_as_a_filter(deployment: Deployment) -> None:
    """In every way to search."""
    with deployment.record("s3vectors") as sent:
        _find(deployment, _embed(deployment), condition=Equals("modality", "image"))
        _run(deployment, ask(condition=Equals("modality", "image")), strategy=Strategy.HIERARCHICAL)

    assert [call.params["filter"] for call in sent] == [{"modalityType": {"$eq": "image"}}] * 2


def test_the_score_is_one_minus_the_distance(deployment: Deployment) -> None:
    """The cosine itself; the distance is kept."""
    (uri,) = stock(deployment, 1)
    (hit,) = _find(deployment, _embed(deployment, 256))

    assert hit.metadata["sourceS3Uri"] == uri
    assert math.isclose(hit.score, 0.9, abs_tol=1e-5)
    assert math.isclose(hit.distance, 0.1, abs_tol=1e-5)


@pytest.mark.parametrize("way", [Way(), HIERARCHICAL])
def test_vectors_of_another_space_are_refused_by_name(deployment: Deployment, way: Way) -> None:
    """The distance between two models' vectors is a number all the same, and means nothing."""
    stock(deployment, 1, space="another")

    with pytest.raises(IndexMismatch, match=r"vectors/embeddings-\d+d holds .*'another', not of"):
        _run(deployment, strategy=way.strategy, dimension=way.dimension)


def test_a_hundred_sources_take_one_call_and_more_take_pages(deployment: Deployment) -> None:
    """250 are found in three pages, in order, none twice."""
    uris = stock(deployment, 250)

    few, many = _run(deployment, ask(top_k=100)), _run(deployment, ask(top_k=250))

    assert (_uris(few), few.stages[0].calls) == (uris[:100], 1)
    assert (_uris(many), many.stages[0].calls) == (uris, 3)


def test_a_long_source_does_not_crowd_the_others_out(deployment: Deployment) -> None:
    """A clip of 120 segments is nearest: its first hundred fill a call, and the next ones are asked for."""
    clip = [describe(index=number) for number in range(120)]
    put(deployment, clip, near(deployment, np.linspace(0.95, 0.92, 120).tolist()))
    uris = stock(deployment, 3)

    found = _run(deployment, ask(top_k=3))

    assert list(dict.fromkeys(_uris(found))) == ["s3://media/clip.mp4", *uris]
    assert found.looked_at == 123


def test_a_prefix_is_looked_for_behind_the_first_page(deployment: Deployment) -> None:
    """S3 Vectors cannot filter by it: what lies elsewhere is passed over, and counted."""
    put_documents = [describe(f"s3://media/other/{number}.png", kind="IMAGE") for number in range(150)]
    put(deployment, put_documents, near(deployment, np.linspace(0.99, 0.95, 150).tolist()))
    uris = stock(deployment, 3, place="s3://media/wanted")

    for prefix in ("s3://media/wanted/", "wanted/", "/wanted"):
        found = _run(deployment, ask(prefix=prefix, top_k=3))
        assert (_uris(found), found.looked_at, found.stages[0].calls) == (uris, 153, 2)
        found = _run(deployment, ask(prefix=prefix, top_k=3), strategy=Strategy.HIERARCHICAL)
        assert (_uris(found), found.looked_at, found.stages[0].candidates) == (uris, 153, 3)
    way = {"strategy": Strategy.HIERARCHICAL, "shortlist": 2}
    assert _uris(_run(deployment, ask(prefix="wanted/", top_k=1), **way)) == uris[:2]


def test_the_bound_of_pages_ends_a_search(deployment: Deployment) -> None:
    """And the answer does not pretend that there was nothing more."""
    stock(deployment, 250)

    found = _run(deployment, ask(prefix="s3://media/none/", max_pages=2))

    assert (found.hits, found.looked_at, found.is_all) == ([], 200, False)
    assert _run(deployment, ask(prefix="s3://media/none/", max_pages=3)).is_all


def test_a_hierarchical_search_scores_just_the_shortlist(deployment: Deployment) -> None:
    """One query of the 256-d index, one GetVectors of exactly its keys from the larger one."""
    stock(deployment, 30)

    with deployment.record("s3vectors") as sent:
        found = _run(deployment, strategy=Strategy.HIERARCHICAL, shortlist=20, dimension=3072)

    query, get = sent
    assert (query.operation, query.params["indexName"], query.params["topK"]) == (
        "QueryVectors",
        "embeddings-256d",
        20,
    )
    assert (get.operation, get.params["indexName"]) == ("GetVectors", "embeddings-3072d")
    assert sorted(get.params["keys"]) == sorted(hit.key for hit in found.hits)
    assert [(stage.operation, stage.dimension, stage.candidates, stage.calls) for stage in found.stages] == [
        ("QueryVectors", 256, 20, 1),
        ("GetVectors", 3072, 20, 1),
    ]
    assert all(stage.seconds > 0 for stage in found.stages)


@pytest.mark.parametrize("dimension", [1024, 3072])
def test_the_shortlist_is_ranked_by_the_larger_vectors(deployment: Deployment, dimension: int) -> None:
    """Exactly: the order and the cosines of numpy, which are not those of the 256-d index."""
    matrix = make_vectors(40) + 3 * _embed(deployment).astype(np.float64)
    documents = [describe(f"s3://media/{number}.png", kind="IMAGE") for number in range(40)]
    put(deployment, documents, matrix)

    found = _run(deployment, strategy=Strategy.HIERARCHICAL, dimension=dimension)

    head = matrix[:, :dimension] / np.linalg.norm(matrix[:, :dimension], axis=1, keepdims=True)
    cosines = head @ shorten(_embed(deployment), dimension).astype(np.float64)
    order = np.argsort(-cosines)
    assert [hit.key for hit in found.hits] == [documents[number]["key"] for number in order]
    assert np.allclose([hit.score for hit in found.hits], cosines[order], atol=1e-6)
    assert [hit.distance for hit in found.hits] == [1.0 - hit.score for hit in found.hits]
    small = _find(deployment, shorten(_embed(deployment), 256), top_k=40)
    assert [hit.key for hit in small] != [hit.key for hit in found.hits]


def test_a_long_shortlist_is_read_in_several_calls(deployment: Deployment) -> None:
    """Paged from the small index, a hundred keys a call from the larger one."""
    uris = stock(deployment, 250)

    found = _run(deployment, strategy=Strategy.HIERARCHICAL, shortlist=250)

    assert _uris(found) == uris
    assert [(stage.candidates, stage.calls) for stage in found.stages] == [(250, 3), (250, 3)]


def test_a_segment_that_has_gone_meanwhile_is_left_out(deployment: Deployment) -> None:
    """The larger index does not hold it any more: the others are found."""
    uris = stock(deployment, 3)
    gone = describe(uris[0], kind="IMAGE")["key"]
    deployment.s3vectors.delete_vectors(vectorBucketName="vectors", indexName="embeddings-1024d", keys=[gone])

    found = _run(deployment, strategy=Strategy.HIERARCHICAL)

    assert _uris(found) == uris[1:]
    assert [stage.candidates for stage in found.stages] == [3, 2]


def test_an_empty_index_finds_nothing(deployment: Deployment) -> None:
    """And asks for no vectors."""
    found = _run(deployment, strategy=Strategy.HIERARCHICAL)

    assert (found.hits, found.is_all) == ([], True)
    assert deployment.calls("s3vectors.GetVectors") == 0


def test_what_is_none_of_ours_is_not_found(deployment: Deployment) -> None:
    """A key of another form lives in the same index."""
    stock(deployment, 1)
    put(deployment, [{"key": "somebody-elses", "space": deployment.settings.space.name}], make_vectors(1))

    assert len(_run(deployment).hits) == 1


def test_a_botocore_without_pages_is_told_of(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.42.84 knows no nextToken: a hundred can be found, and no more is promised."""
    monkeypatch.setattr(retrieval.Index, "can_page", False)
    stock(deployment, 120)

    found = _run(deployment, ask(prefix="s3://media/none/"))

    assert (found.looked_at, found.is_all, found.stages[0].calls) == (100, False, 1)
    with pytest.raises(BadSetting, match="knows no pages"):
        _run(deployment, ask(top_k=101))


@pytest.mark.parametrize("reader", ["simdjson", "orjson", "botocore"])
def test_vectors_are_read_the_same_in_every_way(
    deployment: Deployment, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever parser is there, and should botocore not hand the body over."""
    if reader != "simdjson":
        monkeypatch.setattr(vector_answer, "simdjson", None)
    if reader == "botocore":
        monkeypatch.setattr(vector_answer, "_take_out", lambda **_: None)
    client = Deployment(deployment.aws).s3vectors
    matrix = make_vectors(2)
    documents = [describe(index=number) for number in (0, 1)]
    put(deployment, documents, matrix)
    keys = [document["key"] for document in documents]
    place = {"vectorBucketName": "vectors", "indexName": "embeddings-3072d"}

    found, numbers = vector_answer.get_vectors(client, place, [*keys, "x"], 3072, metadata=True)

    assert [told["key"] for told in found] == keys
    assert found[1]["metadata"]["segmentStartSeconds"] == 5.0
    assert (numbers.dtype, numbers.tobytes()) == (np.float32, matrix.astype(np.float32).tobytes())
    plain = client.get_vectors(**place, keys=keys, returnData=True)
    assert np.array_equal(np.float32(plain["vectors"][0]["data"]["float32"]), numbers[0])
    with pytest.raises(IndexMismatch, match="not of 1024 numbers: one has 3072"):
        vector_answer.get_vectors(client, place, keys, 1024)


def test_others_are_asked_as_they_always_were(deployment: Deployment) -> None:
    """The same client, with a list of numbers, before and after a search."""
    stock(deployment, 1)
    vector = _embed(deployment, 256)
    place = {"vectorBucketName": "vectors", "indexName": "embeddings-256d"}
    _find(deployment, vector)

    plain = deployment.s3vectors.query_vectors(
        **place, queryVector={"float32": (-vector).tolist()}, topK=1, returnDistance=True
    )

    assert math.isclose(plain["vectors"][0]["distance"], 1.9, abs_tol=1e-5)
    assert plain["distanceMetric"] == "cosine"


def test_whole_numbers_are_numbers(deployment: Deployment) -> None:
    """A coordinate of 1 may be written without a point."""
    body = b'{"vectors":[{"key":"a","data":{"float32":[1,0.5,-2]}}]}'

    _, numbers = vector_answer._read(body, {}, 3)

    assert numbers.tolist() == [[1.0, 0.5, -2.0]]


def test_a_space_of_its_own_has_its_own_indexes(deployment: Deployment) -> None:
    """A later space's are named by it."""
    later = Space(deployment.settings.model_id, "later", first=False)
    with (
        deployment.record("s3vectors") as sent,
        pytest.raises(deployment.s3vectors.exceptions.NotFoundException),
    ):
        _find(deployment, _embed(deployment), space=later)

    assert sent[0].params["indexName"] == "embeddings-nova-2-mme-v1-0-later-3072d"

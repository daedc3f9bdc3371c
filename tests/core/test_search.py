"""Searches of a whole deployment: the pointer, one call of the model, and what an answer says of itself."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from core.builders import make_run
from core.deployment import Deployment
from core.library import CATS, HIERARCHICAL, ask, describe, near, open_registry, open_searcher, put, stock
from core.media import make_image
from core.stocked import after_call

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.modality import Modality
from nova_mme.search.condition import Equals, OneOf
from nova_mme.search.condition_text import parse
from nova_mme.search.query import MediaQuery, SourceQuery, TextQuery
from nova_mme.search.request import Strategy, Way
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme_local.bedrock.models import NOVA_NEXT

_NEXT = Space(NOVA_NEXT, "test", first=False)
_WAYS = [*(Way(dimension=dimension) for dimension in DIMENSIONS), HIERARCHICAL]


@pytest.mark.parametrize("way", _WAYS)
def test_the_nearest_source_comes_first(deployment: Deployment, way: Way) -> None:
    """In every way to search: embedded by a run, found by its words, with a text to show."""
    deployment.upload("coffee.txt", b"Coffee is brewed from roasted beans, and espresso is strong coffee.")
    deployment.upload("rain.txt", b"Rain falls from clouds when drops grow too heavy for the air.")
    deployment.embed(make_run())

    answer = open_searcher(deployment).search(
        ask(query=TextQuery("brewed coffee from roasted beans"), way=way)
    )

    assert [result.name for result in answer.results] == ["coffee.txt", "rain.txt"]
    assert 1 >= answer.results[0].score > answer.results[1].score >= -1
    assert answer.results[0].best.snippet.startswith("Coffee is brewed")
    assert (answer.space, answer.is_complete) == (deployment.settings.space.name, True)


def test_a_picture_finds_itself(deployment: Deployment) -> None:
    """At a score of one."""
    deployment.upload("noise.png", make_image("png"))
    deployment.embed(make_run(Modality.IMAGE))

    (result,) = open_searcher(deployment).search(ask(query=MediaQuery("Q.PNG", make_image("png")))).results

    assert result.name == "noise.png"
    assert math.isclose(result.score, 1.0, abs_tol=1e-4)


def test_a_stored_source_finds_others_without_a_model(deployment: Deployment) -> None:
    """Not itself, whose segments are nearest by nature."""
    for name in ("cats", "cats-too", "rain"):
        deployment.upload(f"{name}.txt", f"{name.replace('-', ' ')} at night".encode())
    deployment.embed(make_run())

    answer = open_searcher(deployment).search(ask(query=SourceQuery("s3://media/cats.txt"), way=HIERARCHICAL))

    assert [result.name for result in answer.results] == ["cats-too.txt", "rain.txt"]
    assert deployment.calls("bedrock-runtime.InvokeModel") == 0
    assert [stage.operation for stage in answer.stages] == [
        "GetItem",
        "GetVectors",
        "QueryVectors",
        "GetVectors",
    ]
    assert answer.purpose == ""


@pytest.mark.parametrize("way", [Way(), HIERARCHICAL])
def test_a_search_is_one_pointer_and_one_embedding(deployment: Deployment, way: Way) -> None:
    """A hierarchical one asks for 3072 numbers and cuts them; the answer tells each stage."""
    stock(deployment, 3)
    with deployment.record("bedrock") as sent:
        answer = open_searcher(deployment).search(ask(way=way))

    (call,) = sent
    dimension = 3072 if way.strategy is Strategy.HIERARCHICAL else 1024
    assert orjson.loads(call.params["body"])["singleEmbeddingParams"]["embeddingDimension"] == dimension
    assert deployment.calls("dynamodb.GetItem") == 1
    told = [(stage.operation, stage.dimension) for stage in answer.stages]
    assert told[:2] == [("GetItem", None), ("InvokeModel", dimension)]
    assert sum(stage.seconds for stage in answer.stages) <= answer.seconds


def test_ways_are_compared_with_one_embedding(deployment: Deployment) -> None:
    """Every way finds what it finds alone."""
    uris = stock(deployment, 5)
    with deployment.record("bedrock") as sent:
        answers = open_searcher(deployment).compare(ask(top_k=3), _WAYS)

    assert len(sent) == 1
    assert [answer.way for answer in answers] == _WAYS
    assert all([result.uri for result in answer.results] == uris[:3] for answer in answers)


@pytest.mark.parametrize(
    ("changes", "purpose"),
    [
        ({}, "GENERIC_RETRIEVAL"),
        ({"modality": Modality.IMAGE}, "IMAGE_RETRIEVAL"),
        ({"condition": parse("modality = video and start < 5")}, "VIDEO_RETRIEVAL"),
        ({"condition": parse("modality in (image, video)")}, "GENERIC_RETRIEVAL"),
    ],
)
def test_the_purpose_follows_what_is_looked_for(
    deployment: Deployment, changes: dict[str, Any], purpose: str
) -> None:
    """The modality's own when there can be no other."""
    with deployment.record("bedrock") as sent:
        answer = open_searcher(deployment).search(ask(**changes))

    assert orjson.loads(sent[0].params["body"])["singleEmbeddingParams"]["embeddingPurpose"] == purpose
    assert answer.purpose == purpose


def test_a_condition_limits_what_is_found(deployment: Deployment) -> None:
    """Modality, condition and prefix together."""
    put(deployment, [describe(index=number) for number in range(3)], near(deployment, [0.5, 0.8, 0.7]))
    stock(deployment, 2)

    answer = open_searcher(deployment).search(
        ask(
            modality=Modality.VIDEO, condition=parse("start >= 0:05 and uploaded < 2024-01-01"), prefix="clip"
        )
    )

    (result,) = answer.results
    assert [(span.first, span.last) for span in result.spans] == [(1, 1), (2, 2)]


def test_the_active_space_is_searched(deployment: Deployment) -> None:
    """Moved over, another model embeds the query and its own indexes are read."""
    _build_next(deployment)
    searcher = open_searcher(deployment)
    before = searcher.search(ask())
    _move(deployment)

    with deployment.record("bedrock") as sent:
        after = searcher.search(ask())

    assert (before.space, before.results) == (deployment.settings.space.name, ())
    assert (after.space, [result.uri for result in after.results]) == (_NEXT.name, ["s3://media/new.png"])
    assert sent[0].params["modelId"] == NOVA_NEXT


@pytest.mark.parametrize("way", [Way(), HIERARCHICAL])
def test_a_space_that_was_deleted_meanwhile_is_not_missed(deployment: Deployment, way: Way) -> None:
    """The pointer was read, then moved, and the old indexes were dropped: it is read once more."""
    _build_next(deployment)

    def retire() -> None:
        _move(deployment)
        deployment.store.drop()

    with after_call(deployment.bedrock, "InvokeModel", retire):
        answer = open_searcher(deployment).search(ask(way=way))

    assert (answer.space, len(answer.results)) == (_NEXT.name, 1)


def test_missing_indexes_are_told(deployment: Deployment) -> None:
    """With what to do; the pointer still names them."""
    deployment.store.drop()

    with pytest.raises(
        BadSetting, match="'nova-2-mme-v1-0-test' lacks an index in the vector bucket 'vectors'"
    ):
        open_searcher(deployment).search(ask())


def test_a_deployment_that_is_not_set_up_is_told(buckets: Deployment) -> None:
    """It has no ledger."""
    with pytest.raises(BadSetting, match="no table 'ledger'. Run setup_embeddings"):
        open_searcher(buckets).search(ask())


def test_vectors_of_another_space_are_refused(deployment: Deployment) -> None:
    """Two deployments were given one vector bucket."""
    stock(deployment, 1, space="another")

    with pytest.raises(IndexMismatch, match="of the space 'another'"):
        open_searcher(deployment).search(ask())


def test_a_query_that_the_model_refuses_is_the_asker_s_to_mend(deployment: Deployment) -> None:
    """Bedrock's sentence is passed on."""
    with pytest.raises(BadSetting, match=r"The model does not take the query: .+"):
        open_searcher(deployment).search(ask(query=MediaQuery("x.png", b"no picture")))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"top_k": 0}, "top_k is 0; it can be 1 to 1,000"),
        ({"top_k": True}, "top_k is True"),
        ({"per_source": 101}, "per_source is 101"),
        ({"max_pages": 101}, "max_pages is 101"),
        ({"prefix": "s3://"}, "not an S3 URI"),
        ({"modality": Modality.TEXT, "condition": OneOf("page", tuple(range(100)))}, "compares 101 values"),
    ],
)
def test_a_request_out_of_bounds_is_none(changes: dict[str, Any], sentence: str) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(BadSetting, match=sentence):
        ask(**changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dimension": 512}, "for a flat search it can be 256, 384, 1024, 3072"),
        (
            {"dimension": 256, "strategy": Strategy.HIERARCHICAL},
            "for a hierarchical search it can be 1024, 3072",
        ),
        ({"shortlist": 10_001}, "shortlist is 10001; it can be 1 to 10,000"),
    ],
)
def test_a_way_out_of_bounds_is_none(changes: dict[str, Any], sentence: str) -> None:
    """The possible ones are named."""
    with pytest.raises(BadSetting, match=sentence):
        Way(**changes)


@pytest.mark.parametrize("query", [TextQuery(" "), TextQuery("x" * 8193), MediaQuery("a.zip", b"x")])
def test_a_query_that_is_none_costs_nothing(deployment: Deployment, query: Any) -> None:
    """It is refused before the model is called."""
    with pytest.raises(BadSetting):
        open_searcher(deployment).search(ask(query=query))

    assert deployment.calls("bedrock-runtime.InvokeModel") == 0


def test_an_answer_is_json(deployment: Deployment) -> None:
    """Readable by programs, and by a language model."""
    text = {"segmentStartCharPosition": 0, "segmentEndCharPosition": 14, "text": "Cats are grey."}
    document = describe("s3://media/a.txt", 0, "TEXT", **text)
    put(deployment, [document], near(deployment, [0.9]))
    answer = open_searcher(deployment).search(ask(way=HIERARCHICAL))

    told = orjson.loads(orjson.dumps(answer.as_document()))

    assert (told["strategy"], told["dimension"], told["looked_at"]) == ("hierarchical", 1024, 1)
    assert told["results"][0]["spans"][0]["snippet"] == "Cats are grey."
    assert answer.as_context() == [
        {
            "id": document["key"],
            "text": "Cats are grey.",
            "uri": "s3://media/a.txt",
            "span": {"start_character": 0, "end_character": 14},
        }
    ]


def test_fifty_search_at_once(deployment: Deployment) -> None:
    """With one searcher and its clients: each gets its own answer."""
    uris = stock(deployment, 60)
    searcher = open_searcher(deployment)
    requests = [ask(way=HIERARCHICAL, condition=Equals("id", describe(uri)["objectId"])) for uri in uris[:50]]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(searcher.search, requests))

    assert [[result.uri for result in answer.results] for answer in answers] == [[uri] for uri in uris[:50]]


def _build_next(deployment: Deployment) -> None:
    registry = open_registry(deployment)
    registry.ensure()
    registry.build(_NEXT, {})
    VectorStore(deployment.s3vectors, "vectors", _NEXT).ensure()
    other = replace(deployment, settings=replace(deployment.settings, model_id=NOVA_NEXT))
    document = describe("s3://media/new.png", kind="IMAGE", space=_NEXT.name)
    put(deployment, [document], near(other, [0.9], query=CATS), space=_NEXT)


def _move(deployment: Deployment) -> None:
    open_registry(deployment).cut_over(_NEXT.name, keep_days=0, force=True)

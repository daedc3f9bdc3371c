"""Queries: what the model is asked, and vectors of sources that are stored already."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from core.builders import make_run, make_vectors
from core.deployment import Deployment, texts
from core.library import describe, put
from core.media import make_image

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.ledger import Ledger
from nova_mme.modality import Modality
from nova_mme.search.query import (
    MediaQuery,
    SourceQuery,
    TextQuery,
    choose_purpose,
    embed_query,
    read_source,
    shorten,
)
from nova_mme.space import Space


def _embed(deployment: Deployment, query: Any, dimension: int = 1024, **options: Any) -> Any:
    return embed_query(
        query, dimension, bedrock=deployment.bedrock, space=deployment.settings.space, **options
    )


def _read(deployment: Deployment, query: SourceQuery, space: Space | None = None) -> Any:
    ledger = Ledger(deployment.dynamodb, "ledger", space or deployment.settings.space)
    return read_source(query, s3vectors=deployment.s3vectors, vector_bucket="vectors", ledger=ledger)


def test_a_query_vector_is_a_unit_vector_of_float32(deployment: Deployment) -> None:
    """As the stored ones are."""
    vector = _embed(deployment, TextQuery("cats"), 256)

    assert (vector.dtype, vector.shape) == (np.float32, (256,))
    assert math.isclose(float(np.linalg.norm(vector)), 1.0, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("modality", "purpose"),
    [
        (None, "GENERIC_RETRIEVAL"),
        (Modality.TEXT, "TEXT_RETRIEVAL"),
        (Modality.IMAGE, "IMAGE_RETRIEVAL"),
        (Modality.VIDEO, "VIDEO_RETRIEVAL"),
        (Modality.AUDIO, "AUDIO_RETRIEVAL"),
        (Modality.DOCUMENT, "DOCUMENT_RETRIEVAL"),
    ],
)
def test_the_model_is_told_what_is_looked_for(
    deployment: Deployment, modality: Modality | None, purpose: str
) -> None:
    """In the request itself, which asks for a single embedding of the dimension."""
    with deployment.record("bedrock") as sent:
        _embed(deployment, TextQuery("cats"), 384, purpose=choose_purpose(modality))

    body = orjson.loads(sent[0].params["body"])
    assert body["taskType"] == "SINGLE_EMBEDDING"
    assert body["singleEmbeddingParams"]["embeddingPurpose"] == purpose
    assert body["singleEmbeddingParams"]["embeddingDimension"] == 384


def test_a_truncated_query_has_unit_length_again(deployment: Deployment) -> None:
    """And is what the model's stand-in says at that dimension."""
    full = _embed(deployment, TextQuery("cats"), 3072)

    short = shorten(full, 256)

    assert (short.dtype, short.shape) == (np.float32, (256,))
    assert math.isclose(float(np.linalg.norm(short)), 1.0, abs_tol=1e-6)
    assert np.allclose(short, _embed(deployment, TextQuery("cats"), 256), atol=1e-6)
    assert shorten(full, 3072) is full


@pytest.mark.parametrize("name", ["a.txt", "a.zip", "noextension", ""])
def test_a_query_file_of_no_medium_is_refused(deployment: Deployment, name: str) -> None:
    """The sentence names it."""
    with pytest.raises(BadSetting, match=f"'{name}' is no image, audio or video"):
        _embed(deployment, MediaQuery(name, b"x"))


def test_a_stored_source_is_asked_with_its_own_vector(deployment: Deployment) -> None:
    """No call of the model: the picture's vector in the index is the query's."""
    source = deployment.upload("noise.png", make_image("png"))
    deployment.embed(make_run(Modality.IMAGE))

    vector = _read(deployment, SourceQuery(source.uri))

    stored = deployment.vector(3072, f"{source.object_id}/IMAGE/0")["data"]["float32"]
    assert (vector.dtype, vector.shape) == (np.float32, (3072,))
    assert np.allclose(vector, stored, atol=1e-6)
    assert deployment.calls("bedrock-runtime.InvokeModel") == 0


def test_a_source_of_several_segments_is_asked_with_their_mean(deployment: Deployment) -> None:
    """At unit length; one segment can be picked."""
    matrix = make_vectors(3)
    source = deployment.upload("clip.mp4", b"x")
    _note(deployment, source, {"VIDEO": 3, "AUDIO": 3})
    put(deployment, [describe(source.uri, number) for number in range(3)], matrix)

    mean, last = _read(deployment, SourceQuery(source.uri)), _read(deployment, SourceQuery(source.uri, 2))

    expected = matrix.mean(axis=0)
    assert np.allclose(mean, expected / np.linalg.norm(expected), atol=1e-6)
    assert np.allclose(last, matrix[2], atol=1e-6)


def test_of_a_long_source_a_hundred_segments_are_read(deployment: Deployment) -> None:
    """One call, first and last among them."""
    source = deployment.upload("film.mp4", b"x")
    _note(deployment, source, {"VIDEO": 1434})
    put(deployment, [describe(source.uri, 0)], make_vectors(1))

    with deployment.record("s3vectors") as sent:
        _read(deployment, SourceQuery(source.uri))

    (call,) = sent
    numbers = [int(key.rpartition("/")[2]) for key in call.params["keys"]]
    assert (len(numbers), numbers[0], numbers[-1]) == (100, 0, 1433)


@pytest.mark.parametrize(
    ("uri", "segment", "sentence"),
    [
        ("s3://media/unknown.txt", None, "holds no vector of s3://media/unknown.txt. Embed it first"),
        ("s3://media/text-0.txt", 9, "holds no vector of segment 9 of s3://media/text-0.txt"),
    ],
)
def test_a_source_that_is_not_stored_is_told(
    deployment: Deployment, uri: str, segment: int | None, sentence: str
) -> None:
    """With what to do."""
    texts(deployment, 1)
    deployment.embed(make_run())

    with pytest.raises(BadSetting, match=sentence):
        _read(deployment, SourceQuery(uri, segment))


def test_a_source_of_another_space_is_refused(deployment: Deployment) -> None:
    """Its vector says of which model it is."""
    source = deployment.upload("clip.mp4", b"x")
    _note(deployment, source, {"VIDEO": 1})
    put(deployment, [describe(source.uri, space="another")], make_vectors(1))

    with pytest.raises(IndexMismatch, match="of the space 'another'"):
        _read(deployment, SourceQuery(source.uri))


@pytest.mark.parametrize(("uri", "segment"), [("clip.mp4", None), ("s3://media", None), ("s3://media/a", -1)])
def test_a_source_query_names_an_object(uri: str, segment: int | None) -> None:
    """A name, a bucket or a negative segment is none."""
    with pytest.raises(BadSetting, match=r"clip\.mp4|names a bucket|segment is -1"):
        SourceQuery(uri, segment)


def _note(deployment: Deployment, source: Any, extents: dict[str, int]) -> None:
    recipe = make_run(Modality.VIDEO).recipe
    ledger = deployment.ledger
    ledger.submitted(source, recipe, attempt=1, invocation_arns=["a/b"], media_format="mp4", content_type="")
    ledger.stored(source, recipe, segments=extents, reached=extents, counts=extents, failed_segments=0)

"""Search: the query's vector, the request to S3 Vectors, and hits with their score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from core.builders import make_run, make_settings
from core.deployment import Deployment, texts
from core.media import make_image

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.modality import Modality
from nova_mme.search import Hit, MediaQuery, TextQuery, embed_query, search
from nova_mme.space import DIMENSIONS, Space


def _search(deployment: Deployment, query: Any, **options: Any) -> list[Hit]:
    return search(
        query,
        bedrock=deployment.bedrock,
        s3vectors=deployment.s3vectors,
        vector_bucket="vectors",
        space=deployment.settings.space,
        **options,
    )


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_query_is_asked_of_the_index_of_its_dimension(deployment: Deployment, dimension: int) -> None:
    """With distances and metadata, and no filter unless one is wanted."""
    with deployment.record("s3vectors") as sent:
        assert _search(deployment, TextQuery("cats"), dimension=dimension, top_k=7) == []

    (call,) = sent
    vector = call.params.pop("queryVector")["float32"]
    assert call.params == {
        "vectorBucketName": "vectors",
        "indexName": f"embeddings-{dimension}d",
        "topK": 7,
        "returnDistance": True,
        "returnMetadata": True,
    }
    assert len(vector) == dimension
    assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-6)
    assert all(type(value) is float for value in vector)


@pytest.mark.parametrize("modality", Modality)
def test_a_modality_is_a_filter_with_its_operator(deployment: Deployment, modality: Modality) -> None:
    """Written out: the bare form has been refused by the service."""
    with deployment.record("s3vectors") as sent:
        _search(deployment, TextQuery("cats"), modality=modality)

    assert sent[0].params["filter"] == {"modalityType": {"$eq": modality.value}}


def test_a_query_of_another_space_is_refused_by_name(deployment: Deployment) -> None:
    """The distance between two models' vectors is a number all the same, and means nothing."""
    texts(deployment, 1)
    deployment.embed(make_run())
    other = Space(deployment.settings.model_id, "other")

    with pytest.raises(
        IndexMismatch, match=r"vectors/embeddings-1024d holds .*'nova-2-mme-v1-0-test', not of"
    ):
        search(
            TextQuery("cats"),
            bedrock=deployment.bedrock,
            s3vectors=deployment.s3vectors,
            vector_bucket="vectors",
            space=other,
        )


def test_the_nearest_segment_comes_first(deployment: Deployment) -> None:
    """The same words are nearest; scores fall, and are cosines; metadata tells where it came from."""
    deployment.upload("coffee.txt", b"Coffee is brewed from roasted beans, and espresso is strong coffee.")
    deployment.upload("rain.txt", b"Rain falls from clouds when drops grow too heavy for the air.")
    deployment.embed(make_run())

    hits = _search(deployment, TextQuery("brewed coffee from roasted beans"), top_k=2)

    assert [hit.metadata["fileName"] for hit in hits] == ["coffee.txt", "rain.txt"]
    assert 1 >= hits[0].score > hits[1].score >= -1
    assert hits[0].metadata["text"].startswith("Coffee is brewed")


def test_the_score_is_one_minus_the_distance(deployment: Deployment) -> None:
    """The cosine itself."""
    (source,) = texts(deployment, 1)
    deployment.embed(make_run())
    query = TextQuery("cats at night")

    (hit,) = _search(deployment, query, dimension=384)

    vector = embed_query(query, 384, bedrock=deployment.bedrock, space=deployment.settings.space)
    stored = deployment.vector(384, f"{source.object_id}/TEXT/0")["data"]["float32"]
    assert hit.key == f"{source.object_id}/TEXT/0"
    assert math.isclose(hit.score, float(np.dot(vector, stored)), abs_tol=1e-5)


def test_a_query_vector_is_a_unit_vector_of_float32(deployment: Deployment) -> None:
    """As the stored ones are."""
    vector = embed_query(TextQuery("cats"), 256, bedrock=deployment.bedrock, space=make_settings().space)

    assert (vector.dtype, vector.shape) == (np.float32, (256,))
    assert math.isclose(float(np.linalg.norm(vector)), 1.0, abs_tol=1e-6)


def test_a_picture_can_be_searched_with(deployment: Deployment) -> None:
    """The same picture is found at a score of one."""
    deployment.upload("noise.png", make_image("png"))
    deployment.embed(make_run(Modality.IMAGE))

    (hit,) = _search(deployment, MediaQuery("Query.PNG", make_image("png")))

    assert hit.metadata["fileName"] == "noise.png"
    assert math.isclose(hit.score, 1.0, abs_tol=1e-4)


@pytest.mark.parametrize("name", ["a.txt", "a.zip", "noextension", ""])
def test_a_query_file_of_no_medium_is_refused(deployment: Deployment, name: str) -> None:
    """The sentence names it."""
    with pytest.raises(BadSetting, match=f"'{name}' is no image, audio or video"):
        _search(deployment, MediaQuery(name, b"x"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"top_k": 0}, "top_k is 0; it can be 1 to 100"),
        ({"top_k": 101}, "top_k is 101"),
        ({"dimension": 512}, "embedding_dimension is 512"),
    ],
)
def test_a_query_out_of_bounds_costs_nothing(
    deployment: Deployment, options: dict[str, int], sentence: str
) -> None:
    """It is refused before the model is called."""
    with pytest.raises(BadSetting, match=sentence):
        _search(deployment, TextQuery("cats"), **options)

    assert deployment.calls("bedrock-runtime.InvokeModel") == 0

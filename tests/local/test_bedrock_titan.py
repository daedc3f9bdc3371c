"""Titan Text Embeddings V2: its own request and answer, its own spaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from local.bedrock_calls import TITAN, embed, invoke, text_item
from local.conftest import open_client

from nova_mme_local.server import LocalAws


@pytest.fixture(scope="module")
def bedrock() -> Iterator[Any]:
    """A client of one local AWS for all tests of this file."""
    with LocalAws() as aws:
        yield open_client(aws, "bedrock-runtime")


def titan(bedrock: Any, text: str = "A tin of red paint", **options: Any) -> dict[str, Any]:
    """Call Titan."""
    return invoke(bedrock, {"inputText": text, **options}, model=TITAN)


def test_the_answer_has_titans_members(bedrock: Any) -> None:
    """1024 floats by default, the same ones by type, and the count of tokens in body and header."""
    answer = bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "twelve chars"}))
    body = json.loads(answer["body"].read())
    assert set(body) == {"embedding", "embeddingsByType", "inputTextTokenCount"}
    assert len(body["embedding"]) == 1024
    assert body["embeddingsByType"] == {"float": body["embedding"]}
    assert body["inputTextTokenCount"] == 3
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "3"


@pytest.mark.parametrize("dimension", [256, 512, 1024])
@pytest.mark.parametrize("normalize", [True, False])
def test_norms(bedrock: Any, dimension: int, normalize: bool) -> None:
    """Vectors have norm 1, as recorded answers of the service do with normalize=false as well."""
    vector = np.array(titan(bedrock, dimensions=dimension, normalize=normalize)["embedding"])
    assert vector.shape == (dimension,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_binary_are_the_signs_of_the_floats(bedrock: Any) -> None:
    """Asked for both, both come; asked for binary only, no float is there."""
    both = titan(bedrock, dimensions=256, embeddingTypes=["float", "binary"])["embeddingsByType"]
    only = titan(bedrock, dimensions=256, embeddingTypes=["binary"])
    assert both["binary"] == [int(value > 0) for value in both["float"]]
    assert only["embeddingsByType"] == {"binary": both["binary"]}
    assert "embedding" not in only


def test_dimensions_and_models_do_not_mix(bedrock: Any) -> None:
    """A truncated vector is not the smaller one, and Nova's vector of the text is unrelated."""
    large, small = (np.array(titan(bedrock, dimensions=size)["embedding"]) for size in (1024, 256))
    nova = embed(bedrock, 1024, text=text_item("A tin of red paint"))
    assert abs(large[:256] @ small) < 0.25
    assert abs(large @ nova) < 0.12


def test_alike_texts_are_near(bedrock: Any) -> None:
    """Texts that share words are nearer than texts that do not."""
    one, two, other = (
        np.array(titan(bedrock, text)["embedding"])
        for text in ("a tin of red paint", "red paint in tins", "the quarterly balance sheet")
    )
    assert one @ two > one @ other + 0.2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "required key [inputText] not found"),
        ({"inputText": ""}, "expected minLength: 1, actual: 0"),
        ({"inputText": "x" * 50_001}, "expected maxLength: 50000, actual: 50001"),
        (
            {"inputText": "x" * 33_000},
            "Too many input tokens. Max input tokens: 8192, request input token count: 8250",
        ),
        ({"inputText": "x", "dimensions": 384}, "384 is not a valid enum value"),
        ({"inputText": "x", "normalize": "yes"}, "expected type: Boolean, found: String"),
        ({"inputText": "x", "embeddingTypes": ["int8"]}, "int8 is not a valid enum value"),
        ({"inputText": "x", "embeddingTypes": []}, "expected minimum item count: 1, found: 0"),
        (
            {"inputText": "x", "embeddingDimension": 256},
            "extraneous key [embeddingDimension] is not permitted",
        ),
    ],
)
def test_requests_that_are_refused(bedrock: Any, body: dict[str, Any], message: str) -> None:
    """Rules of Titan's schema, in Bedrock's words."""
    with pytest.raises(bedrock.exceptions.ValidationException) as caught:
        invoke(bedrock, body, model=TITAN)
    assert message in caught.value.response["Error"]["Message"]

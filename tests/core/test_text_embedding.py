"""Embeddings of texts on request: what is answered, what is stored under an id, and that no id leads elsewhere."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from core.builders import ACCOUNT
from core.deployment import Deployment

from nova_mme.errors import BadSetting
from nova_mme.text_embedding import EmbeddingExists, TextEmbedding, generate, read

_OUTPUT = "s3://output/nova"


def _generate(deployment: Deployment, text: str = "A tin of red paint", **options: Any) -> TextEmbedding:
    return generate(text, bedrock=deployment.bedrock, s3=deployment.s3, output_uri=_OUTPUT, **options)


def test_an_embedding_that_is_not_stored(buckets: Deployment) -> None:
    """The reference's members; nothing in S3, and the id finds nothing."""
    made = _generate(buckets)
    document = made.as_document()

    assert (document["dimension"], len(document["embedding"])) == (1024, 1024)
    assert (document["stored_in_s3"], document["s3_key"]) == (False, None)
    assert document["processing_time_ms"] > 0
    assert re.fullmatch("[0-9a-f]{32}", made.embedding_id)
    assert buckets.output_files() == []
    assert read(made.embedding_id, s3=buckets.s3, output_uri=_OUTPUT) is None


def test_a_stored_embedding_is_read_back(buckets: Deployment) -> None:
    """Under the given id, number for number, with its text."""
    made = _generate(buckets, store_in_s3=True, embedding_id="paint-1", dimensions=256)

    document = read("paint-1", s3=buckets.s3, output_uri=_OUTPUT)

    assert made.s3_key == "nova/embeddings/paint-1.json"
    assert buckets.output_files() == ["nova/embeddings/paint-1.json"]
    assert document is not None
    assert (document["text"], document["dimension"]) == ("A tin of red paint", 256)
    assert tuple(document["embedding"]) == made.embedding


def test_ids_that_are_made_differ(buckets: Deployment) -> None:
    """The same text twice is stored twice."""
    names = {_generate(buckets, store_in_s3=True).embedding_id for _ in range(2)}

    assert buckets.output_files() == sorted(f"nova/embeddings/{name}.json" for name in names)
    assert len(names) == 2


def test_a_repeated_request_gets_what_is_stored(buckets: Deployment) -> None:
    """A client that has lost the answer may send it again; the object stays the first one."""
    first = _generate(buckets, store_in_s3=True, embedding_id="a")
    etag = buckets.s3.head_object(Bucket="output", Key=first.s3_key)["ETag"]

    again = _generate(buckets, store_in_s3=True, embedding_id="a")

    assert (again.embedding, again.s3_key) == (first.embedding, first.s3_key)
    assert buckets.s3.head_object(Bucket="output", Key=first.s3_key)["ETag"] == etag


@pytest.mark.parametrize(("text", "dimensions"), [("Another text", 1024), ("A tin of red paint", 256)])
def test_a_taken_id_is_refused(buckets: Deployment, text: str, dimensions: int) -> None:
    """For another text or dimension; what is stored is left alone."""
    _generate(buckets, store_in_s3=True, embedding_id="a")

    with pytest.raises(EmbeddingExists, match="'a' is taken"):
        _generate(buckets, text, store_in_s3=True, embedding_id="a", dimensions=dimensions)

    document = read("a", s3=buckets.s3, output_uri=_OUTPUT)
    assert document is not None
    assert (document["text"], document["dimension"]) == ("A tin of red paint", 1024)


@pytest.mark.parametrize(
    "name", ["..", "../runs/x", "a/b", "a\\b", ".hidden", "a b", "a\n", "é", "-a", "x" * 129, "a%2Fb", "a\0"]
)
def test_ids_that_cannot_be(buckets: Deployment, name: str) -> None:
    """No path, no odd alphabet, no length: refused before anything is paid for, when reading too."""
    with buckets.record("bedrock") as calls, pytest.raises(BadSetting, match="The embedding id is"):
        _generate(buckets, store_in_s3=True, embedding_id=name)
    with pytest.raises(BadSetting, match="The embedding id is"):
        read(name, s3=buckets.s3, output_uri=_OUTPUT)

    assert (calls, buckets.output_files()) == ([], [])


def test_an_empty_id_finds_nothing(buckets: Deployment) -> None:
    """It is made for who generates; who reads has to name one."""
    with pytest.raises(BadSetting, match="The embedding id is ''"):
        read("", s3=buckets.s3, output_uri=_OUTPUT)


def test_the_buckets_owner_is_checked(buckets: Deployment) -> None:
    """In writing and in reading, where the settings name one."""
    with buckets.record("s3") as calls:
        _generate(buckets, store_in_s3=True, embedding_id="a", bucket_owner=ACCOUNT)
        read("a", s3=buckets.s3, output_uri=_OUTPUT, bucket_owner=ACCOUNT)

    assert [(call.operation, call.params.get("ExpectedBucketOwner")) for call in calls] == [
        ("PutObject", ACCOUNT),
        ("GetObject", ACCOUNT),
    ]


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'{"embedding": 3}', b'{"embedding": [0.5]}'])
def test_something_else_in_its_place(buckets: Deployment, body: bytes) -> None:
    """Is told, and never answered as an embedding."""
    buckets.s3.put_object(Bucket="output", Key="nova/embeddings/a.json", Body=body)

    with pytest.raises(BadSetting, match=r"s3://output/nova/embeddings/a\.json is no stored embedding"):
        read("a", s3=buckets.s3, output_uri=_OUTPUT)


def test_a_missing_bucket_is_no_missing_embedding(empty: Deployment) -> None:
    """S3's own answer goes up."""
    with pytest.raises(ClientError, match="NoSuchBucket"):
        read("a", s3=empty.s3, output_uri=_OUTPUT)


def test_the_answer_is_json(buckets: Deployment) -> None:
    """As the endpoint sends it."""
    document = _generate(buckets, dimensions=256).as_document()

    assert orjson.loads(orjson.dumps(document)) == document

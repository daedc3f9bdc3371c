"""The query set: what a file may hold, how a query becomes a vector, and what is drawn when there is no file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from botocore.exceptions import ClientError
from core.builders import make_vectors
from core.deployment import Deployment
from core.media import make_image
from core.two_spaces import TwoSpaces, store

from nova_mme.errors import BadSetting
from nova_mme.migration.query_set import DrawnQuery, GivenQuery, draw, read
from nova_mme.nova import QUERY_BYTES
from nova_mme.search.query_file import MAX_QUERIES
from nova_mme.source import object_id
from nova_mme.vector_key import VectorKey

_URI = "s3://media/queries.jsonl"


def _keep(deployment: Deployment, body: str | bytes) -> None:
    deployment.upload("queries.jsonl", body if isinstance(body, bytes) else body.encode())


def test_a_file_holds_texts_and_sources(buckets: Deployment) -> None:
    """One a line; a byte order mark, Windows line ends and empty lines are no matter."""
    _keep(buckets, '\ufeff{"text": "cats"}\r\n\n{"source": "s3://media/a/cat.PNG"}\n  \n{"text": "Zoë?"}')

    assert read(buckets.s3, _URI) == [
        GivenQuery("cats", text="cats"),
        GivenQuery("s3://media/a/cat.PNG", source="s3://media/a/cat.PNG"),
        GivenQuery("Zoë?", text="Zoë?"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cats", "not JSON"),
        ('"cats"', "must be"),
        ("{}", "must be"),
        ('{"query": "cats"}', "must be"),
        ('{"text": "cats", "source": "s3://media/a.png"}', "must be"),
        ('{"text": 7}', "must be a text, not int"),
        ('{"text": " "}', "empty"),
        ('{"text": "' + "x" * 8193 + '"}', "8193 characters"),
        ('{"source": "a.png"}', "not an S3 URI"),
        ('{"source": "s3://media/a.pdf"}', "no text, image, audio or video"),
        ('{"source": "s3://media/"}', "no text, image, audio or video"),
        ("\xff", "not JSON"),
    ],
)
def test_a_bad_line_is_named(buckets: Deployment, line: str, message: str) -> None:
    """By its number in the file, empty lines counted."""
    _keep(buckets, b'{"text": "cats"}\n\n' + line.encode("latin-1"))

    with pytest.raises(BadSetting, match=rf"Line 3 of the query set {_URI}: .*{message}"):
        read(buckets.s3, _URI)


def test_a_file_has_a_query_and_at_most_a_thousand(buckets: Deployment) -> None:
    """Each of them is paid for twice."""
    _keep(buckets, '{"text": "cats"}\n' * MAX_QUERIES)
    assert len(read(buckets.s3, _URI)) == MAX_QUERIES

    _keep(buckets, '{"text": "cats"}\n' * (MAX_QUERIES + 1))
    with pytest.raises(BadSetting, match="over 1,000 queries"):
        read(buckets.s3, _URI)

    _keep(buckets, "\n\n")
    with pytest.raises(BadSetting, match="holds no query"):
        read(buckets.s3, _URI)


def test_a_file_that_is_not_there_is_named(buckets: Deployment) -> None:
    """A missing right is another matter."""
    with pytest.raises(BadSetting, match=_URI):
        read(buckets.s3, _URI)

    buckets.put_faults({"operation": "s3.GetObject", "code": "AccessDenied", "status": 403})
    with pytest.raises(ClientError):
        read(buckets.s3, _URI)


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces, nothing in them."""
    two = TwoSpaces(deployment)
    two.new.store.ensure()
    return two


def test_a_query_is_embedded_by_each_space_in_one_call(two: TwoSpaces) -> None:
    """At 3072, of unit length, by two models; a text file is what it says, and is not looked for with itself."""
    two.upload("cats.txt", "cats")
    clients = {"s3": two.deployment.s3, "bedrock": two.deployment.bedrock}
    given = GivenQuery("s3://media/cats.txt", source="s3://media/cats.txt")

    with two.deployment.record("bedrock") as calls:
        vectors = [given.find_vector(side, **clients) for side in (two.old, two.new)]

    models = [side.store.space.model_id for side in (two.old, two.new)]
    assert [call.params["modelId"] for call in calls] == models
    assert all(
        json.loads(call.params["body"])["singleEmbeddingParams"]["embeddingDimension"] == 3072
        for call in calls
    )
    assert [vector.shape for vector in vectors] == [(3072,), (3072,)]
    assert np.allclose([np.linalg.norm(vector) for vector in vectors], 1.0)
    assert abs(vectors[0] @ vectors[1]) < 0.2
    assert np.array_equal(vectors[0], GivenQuery("cats", text="cats").find_vector(two.old, **clients))
    assert given.left_out == object_id("s3://media/cats.txt")
    assert GivenQuery("cats", text="cats").left_out == ""


def test_an_image_is_sent_as_it_is(two: TwoSpaces) -> None:
    """Inline; one that is too large is told, and so is one that is not there."""
    two.deployment.upload("cat.png", make_image("PNG"))
    two.deployment.upload("large.png", b"x" * (QUERY_BYTES + 1))
    clients = {"s3": two.deployment.s3, "bedrock": two.deployment.bedrock}

    assert GivenQuery("cat", source="s3://media/cat.png").find_vector(two.new, **clients).shape == (3072,)
    for name in ("large", "none"):
        with pytest.raises(BadSetting, match=f"s3://media/{name}.png"):
            GivenQuery(name, source=f"s3://media/{name}.png").find_vector(two.new, **clients)


def test_a_query_that_bedrock_refuses_is_named(two: TwoSpaces) -> None:
    """The error is Bedrock's own; which of a thousand it was stands in its notes."""
    two.deployment.put_faults(
        {"operation": "bedrock-runtime.InvokeModel", "code": "ValidationException", "status": 400}
    )

    with pytest.raises(ClientError) as caught:
        GivenQuery("odd one", text="odd one").find_vector(
            two.new, s3=two.deployment.s3, bedrock=two.deployment.bedrock
        )

    assert "'odd one'" in caught.value.__notes__[0]


def test_a_drawn_query_is_a_stored_vector(two: TwoSpaces) -> None:
    """Read in each space, for nothing; None where it is not."""
    source = two.upload("a.txt", "text")
    vectors = make_vectors(1)
    store(two.old, [source], vectors)
    query = DrawnQuery(source.uri, VectorKey(source.object_id, "TEXT", 0))
    clients = {"s3": two.deployment.s3, "bedrock": two.deployment.bedrock}

    with two.deployment.record("bedrock") as calls:
        found = query.find_vector(two.old, **clients)
        assert query.find_vector(two.new, **clients) is None

    assert np.allclose(found, vectors[0], atol=1e-7)
    assert calls == []
    assert query.left_out == source.object_id


def test_the_middle_of_a_source_is_drawn_where_both_cut_it_alike(two: TwoSpaces) -> None:
    """Its beginning where they do not, and nothing where they share no embedding type, or one has no row."""
    sources = [two.upload(f"{name}.txt", "text") for name in "abcd"]
    vectors = make_vectors(1)
    for source, old, new in zip(
        sources, (5, 5, 5, 5), ({"TEXT": 5}, {"TEXT": 3}, {"IMAGE": 1}, None), strict=True
    ):
        store(two.old, [source], vectors, segments={"TEXT": old})
        if new is not None:
            store(two.new, [source], vectors, segments=new)
    rows = list(two.old.ledger.rows(sources).values())
    rows.sort(key=lambda row: row.uri)

    keys = [str(query.key) for query in draw(rows, two.new, 10)]

    assert keys == [f"{sources[0].object_id}/TEXT/2", f"{sources[1].object_id}/TEXT/0"]
    assert len(draw(rows, two.new, 1)) == 1

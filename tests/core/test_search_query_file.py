"""Searches as documents: what a form or a line may say, and what a file of them may hold."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.deployment import Deployment

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.search.condition import Equals
from nova_mme.search.query import MediaQuery, SourceQuery, TextQuery
from nova_mme.search.query_file import MAX_QUERIES, read_requests
from nova_mme.search.request import Request, Strategy, Way
from nova_mme.search.request_document import read_request

_URI = "s3://media/queries.jsonl"


def _read(deployment: Deployment, body: str | bytes, **shared: Any) -> list[Request]:
    deployment.upload("queries.jsonl", body if isinstance(body, bytes) else body.encode())
    return read_requests(deployment.s3, _URI, shared)


def test_a_document_is_a_search() -> None:
    """Every part of it."""
    assert read_request({"text": "cats"}) == Request(query=TextQuery("cats"))
    assert read_request(
        {
            "source": "s3://media/a.png",
            "text": None,
            "modality": "video",
            "condition": "format = mp4",
            "prefix": "2026/",
            "strategy": "hierarchical",
            "dimension": 3072,
            "shortlist": 50,
            "top_k": 3,
            "per_source": 1,
        }
    ) == Request(
        query=SourceQuery("s3://media/a.png"),
        way=Way(strategy=Strategy.HIERARCHICAL, dimension=3072, shortlist=50),
        modality=Modality.VIDEO,
        condition=Equals("fileType", "mp4"),
        prefix="2026/",
        top_k=3,
        per_source=1,
    )


def test_a_file_is_sent_in_base64() -> None:
    """With its name; and a segment is one of a source."""
    media = {"name": "a.png", "content": "AAEC"}

    assert read_request({"media": media}).query == MediaQuery("a.png", b"\x00\x01\x02")
    assert read_request({"source": "s3://media/a.mp4", "segment": 2}).query == SourceQuery(
        "s3://media/a.mp4", 2
    )


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ({"text": "a", "source": "s3://m/a"}, 'either "text" or "source"'),
        ({}, 'either "text" or "source"'),
        ({"media": {"name": "a.png", "content": "A"}}, "The content of 'a.png' is not base64"),
        ({"media": {"name": "a.png", "content": ""}}, "The file 'a.png' is empty"),
        ({"media": {"name": "a.txt", "content": "AAEC"}}, "'a.txt' is no image, audio or video file"),
    ],
)
def test_one_query_that_the_model_takes(document: dict[str, Any], part: str) -> None:
    """Or a sentence, before anything is asked."""
    with pytest.raises(BadSetting, match=re.escape(part)):
        read_request(document)


def test_a_line_goes_before_what_is_shared(buckets: Deployment) -> None:
    """A byte order mark, Windows line ends, empty lines and nulls are no matter."""
    lines = [
        {"text": "cats"},
        {"source": "s3://media/Zoë.png", "text": None, "modality": "all", "top_k": 2},
        {"text": "dogs", "condition": "", "modality": None},
    ]
    body = "\ufeff" + "\r\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)

    first, second, third = _read(buckets, body, modality="image", condition="format = png", top_k=5)

    assert first == Request(
        query=TextQuery("cats"), modality=Modality.IMAGE, condition=Equals("fileType", "png"), top_k=5
    )
    assert (second.query, second.modality, second.top_k) == (SourceQuery("s3://media/Zoë.png"), None, 2)
    assert (third.condition, third.modality) == (None, Modality.IMAGE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cats", "not JSON"),
        ("\xff", "not JSON"),
        ('["cats"]', "must be an object"),
        ("{}", 'either "text" or "source"'),
        ('{"text": "cats", "source": "s3://media/a.png"}', 'either "text" or "source"'),
        ('{"text": "cats", "dimension": 256}', "no 'dimension'; a line can have text, source"),
        ('{"text": 7}', "'text' must be a text, not int"),
        ('{"text": " "}', "empty"),
        ('{"text": "' + "x" * 8193 + '"}', "8193 characters"),
        ('{"source": "a.png"}', "not an S3 URI"),
        ('{"source": "s3://media/"}', "no object in it"),
        ('{"text": "cats", "modality": "smell"}', "no modality 'smell'"),
        ('{"text": "cats", "modality": ["image"]}', "'modality' must be a text, not list"),
        ('{"text": "cats", "condition": "size <"}', "size <"),
        ('{"text": "cats", "top_k": 0}', "top_k is 0"),
        ('{"text": "cats", "top_k": "3"}', "top_k is '3'"),
        ('{"text": "cats", "top_k": true}', "top_k is True"),
    ],
)
def test_a_bad_line_is_named(buckets: Deployment, line: str, message: str) -> None:
    """By its number in the file, empty lines counted."""
    with pytest.raises(BadSetting, match=rf"Line 3 of the query file {_URI}: [\s\S]*{message}"):
        _read(buckets, b'{"text": "cats"}\n\n' + line.encode("latin-1"))


def test_a_file_has_a_query_and_at_most_a_thousand(buckets: Deployment) -> None:
    """No more than that are asked by one task."""
    assert len(_read(buckets, '{"text": "cats"}\n' * MAX_QUERIES)) == MAX_QUERIES
    with pytest.raises(BadSetting, match="over 1,000 queries"):
        _read(buckets, '{"text": "cats"}\n' * (MAX_QUERIES + 1))
    with pytest.raises(BadSetting, match="holds no query"):
        _read(buckets, "\n\n")


def test_a_file_that_is_not_there_is_named(buckets: Deployment) -> None:
    """A missing right is another matter."""
    with pytest.raises(BadSetting, match=f"no object {_URI}"):
        read_requests(buckets.s3, _URI, {})

    buckets.put_faults({"operation": "s3.GetObject", "code": "AccessDenied", "status": 403})
    with pytest.raises(ClientError):
        read_requests(buckets.s3, _URI, {})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"strategy": "fast"}, "no strategy 'fast'"),
        ({"dimension": 512}, "dimension is 512"),
        ({"dimension": 256, "strategy": "hierarchical"}, "for a hierarchical search"),
        ({"shortlist": 0}, "shortlist is 0"),
        ({"per_source": 101}, "per_source is 101"),
        ({"prefix": "s3://"}, "not an S3 URI"),
    ],
)
def test_a_search_that_there_is_none_of_is_refused(document: dict[str, Any], message: str) -> None:
    """With a sentence."""
    with pytest.raises(BadSetting, match=message):
        read_request({"text": "cats", **document})

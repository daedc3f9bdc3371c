"""Links to sources: what they open, what they never lead to."""

from __future__ import annotations

import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from core.deployment import Deployment

from nova_mme.media_link import SECONDS, MediaLinks, is_below
from nova_mme.source import S3Uri

_ROOT = S3Uri.parse("s3://media/published/")


def _links(url: str = "https://s3.eu-west-1.amazonaws.com") -> MediaLinks:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    config = Config(signature_version="s3v4")
    return MediaLinks(boto3.client("s3", endpoint_url=url, config=config, **keys), _ROOT)


@pytest.mark.parametrize(
    ("name", "kind", "how"),
    [
        ("a b/café & co.mp4", "video/mp4", "inline"),
        ("page.html", "text/plain; charset=utf-8", "inline"),
        ("cat.PNG", "image/png", "inline"),
        ("letter.docx", "application/octet-stream", "attachment"),
        ("drawing.svg", "application/octet-stream", "attachment"),
        ("no suffix", "application/octet-stream", "attachment"),
    ],
)
def test_a_link_opens_its_object(buckets: Deployment, name: str, kind: str, how: str) -> None:
    """Without credentials; as what a browser may show, or else as a download: an .html file is text, never run."""
    buckets.s3.put_object(Bucket="media", Key=f"published/{name}", Body=b"content", ContentType="text/html")

    link = _links(buckets.aws.url).sign(f"s3://media/published/{name}")

    assert link is not None
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.read() == b"content"
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"].startswith(f"{how}; filename*=UTF-8''")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://media/private/a.png",
        "s3://media/publishedtoo/a.png",
        "s3://other/published/a.png",
        "s3://media/published",
        "file:///published/a.png",
        "",
    ],
)
def test_nothing_else_is_linked(uri: str) -> None:
    """Only what is below the deployment's own source_uri."""
    assert _links().sign(uri) is None
    assert not is_below(uri, _ROOT)


def test_a_link_ends(buckets: Deployment) -> None:
    """After a quarter of an hour; and one to an object that is gone opens nothing."""
    link = _links(buckets.aws.url).sign("s3://media/published/gone.png")

    assert link is not None
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == [str(SECONDS)] == ["900"]
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error 40[34]"):
        urllib.request.urlopen(link, timeout=10)


def test_the_folder_is_where_all_links_lead() -> None:
    """The bucket's own Region, and no more of it than the deployment's part; for the page's policy."""
    assert _links().folder == "https://s3.eu-west-1.amazonaws.com/media/published/"
    assert _links("http://127.0.0.1:4566").folder == "http://127.0.0.1:4566/media/published/"


def test_no_credentials_are_no_link() -> None:
    """The search that found it is worth showing all the same."""
    from botocore.exceptions import NoCredentialsError

    def fail(*_: Any, **__: Any) -> str:
        raise NoCredentialsError

    links = MediaLinks(SimpleNamespace(generate_presigned_url=fail), _ROOT)

    assert links.sign("s3://media/published/a.png") is None
    assert links.folder == ""

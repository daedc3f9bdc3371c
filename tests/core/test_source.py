"""Sources: S3 URIs, names that last for ever, and the bucket's listing."""

from __future__ import annotations

import re
import unicodedata

import pytest
from core.builders import ACCOUNT, make_source
from core.deployment import Deployment
from hypothesis import given
from hypothesis import strategies as st

from nova_mme.errors import BadSetting
from nova_mme.source import S3Uri, list_sources, object_id, source_of

_ODD_KEYS = [
    "a b.txt",
    "a+b.txt",
    "a%20b.txt",
    "folder/ünï☕.txt",
    "bell\x07.txt",
    "q?x=1&y#z.txt",
    "x//y.txt",
]


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://media", "media", ""),
        ("s3://media/", "media", ""),
        ("s3://my.media-1/a/b c+ü.txt", "my.media-1", "a/b c+ü.txt"),
        ("s3://media//a", "media", "/a"),
        ("s3://media/a\nb", "media", "a\nb"),
    ],
)
def test_parse_reads_bucket_and_key(text: str, bucket: str, key: str) -> None:
    """The key is everything behind the bucket's slash, as it is."""
    assert S3Uri.parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    "text", ["", "media/a", "s3:/media", "S3://media", "s3://", "s3://a/b", "s3://Media/x", "https://m"]
)
def test_parse_refuses_what_is_no_s3_uri(text: str) -> None:
    """The sentence shows what was given and how to write it."""
    with pytest.raises(BadSetting, match=re.escape(repr(text)) + ".*s3://bucket/prefix"):
        S3Uri.parse(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_uri_survives_the_round_trip(key: str) -> None:
    """Any key of any characters comes back."""
    assert S3Uri.parse(str(S3Uri("media", key))) == S3Uri("media", key)


@pytest.mark.parametrize(
    ("base", "parts", "joined"),
    [
        ("s3://out", ("a", "b"), "s3://out/a/b"),
        ("s3://out/", ("a",), "s3://out/a"),
        ("s3://out/nova/", ("a", "", "b"), "s3://out/nova/a/b"),
        ("s3://out/nova", (), "s3://out/nova"),
    ],
)
def test_join_puts_one_slash_between(base: str, parts: tuple[str, ...], joined: str) -> None:
    """Whether or not the base ends in a slash."""
    assert str(S3Uri.parse(base).join(*parts)) == joined


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://media/clips/My Cat (2).MP4", "my-cat-2-mp4-1fac3c5900df15b8"),
        ("s3://media/ünï☕.txt", "uni-txt-a67e8c52202e22d3"),
        ("s3://media/日本語", "object-5e11d97f9742c54e"),
    ],
)
def test_an_object_id_never_changes(uri: str, expected: str) -> None:
    """Stored vectors are found by it: these ids are written down once and for ever."""
    assert object_id(uri) == expected


def test_files_of_one_name_in_two_folders_have_two_ids() -> None:
    """The whole URI is in the id, not the file name alone."""
    assert object_id("s3://media/a/cat.mp4") != object_id("s3://media/b/cat.mp4")
    assert object_id("s3://media/a/cat.mp4") != object_id("s3://other/a/cat.mp4")


def test_two_spellings_of_one_accented_name_are_two_objects() -> None:
    """S3 keeps composed and decomposed names apart, and so do the ids."""
    composed, decomposed = (unicodedata.normalize(form, "s3://media/é.txt") for form in ("NFC", "NFD"))

    assert object_id(composed) != object_id(decomposed)


def test_an_object_id_does_not_depend_on_the_version() -> None:
    """New content at the same place replaces the old vectors instead of joining them."""
    assert make_source(etag="v1").object_id == make_source(etag="v2", size=7).object_id


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_an_object_id_is_short_plain_ascii(key: str) -> None:
    """It is part of vector keys, S3 folders and DynamoDB keys, whatever the file is called."""
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,39})-[0-9a-f]{16}", object_id(f"s3://media/{key}"))


def test_a_source_knows_its_name_and_place() -> None:
    """The name is the key's last element."""
    source = make_source("a/b c.txt")

    assert source.name == "b c.txt"
    assert source.location == S3Uri("media", "a/b c.txt")


def test_listing_shows_every_key_as_it_is(buckets: Deployment) -> None:
    """Blanks, plus signs, percent signs, control characters and umlauts come back unharmed, with size and etag."""
    made = {buckets.upload(key, key.encode()) for key in _ODD_KEYS}

    assert set(buckets.listing()) == made
    assert {source.location.key for source in made} == set(_ODD_KEYS)
    assert all(re.fullmatch("[0-9a-f]{32}", source.etag) for source in made)


def test_listing_goes_on_over_pages(buckets: Deployment) -> None:
    """S3 answers in pages; none is left out and the order is that of the keys."""
    for number in range(7):
        buckets.s3.put_object(Bucket="media", Key=f"{number}.txt", Body=b"x")
    small_pages = _client_with_pages_of(2, buckets)

    names = [source.name for source in list_sources(small_pages, "s3://media")]

    assert names == [f"{number}.txt" for number in range(7)]
    assert buckets.calls("s3.ListObjectsV2") == 4


def _client_with_pages_of(size: int, buckets: Deployment) -> object:
    client = Deployment(buckets.aws).s3
    client.meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": size}
    )
    return client


@pytest.mark.parametrize(
    ("root", "prefix", "names"),
    [
        ("s3://media", "", ["1.txt", "2.txt", "3.txt", "4.txt"]),
        ("s3://media/a", "", ["1.txt", "2.txt"]),
        ("s3://media/a/", "b/", ["2.txt"]),
        ("s3://media/a", "/b", ["2.txt"]),
        ("s3://media", "a", ["1.txt", "2.txt", "3.txt"]),
        ("s3://media/none", "", []),
    ],
)
def test_a_root_is_a_folder_and_a_prefix_is_a_prefix(
    buckets: Deployment, root: str, prefix: str, names: list[str]
) -> None:
    """The root s3://media/a does not take s3://media/ab in; the run's prefix is taken literally."""
    for key in ("a/1.txt", "a/b/2.txt", "ab/3.txt", "c/4.txt"):
        buckets.upload(key, b"x")

    assert [source.name for source in list_sources(buckets.s3, root, prefix)] == names


def test_the_consoles_folders_are_no_files(buckets: Deployment) -> None:
    """An empty object whose key ends in a slash is passed over; an empty file is not."""
    buckets.s3.put_object(Bucket="media", Key="folder/", Body=b"")
    buckets.s3.put_object(Bucket="media", Key="folder/empty.txt", Body=b"")

    assert [source.name for source in buckets.listing()] == ["empty.txt"]


def test_the_expected_owner_goes_along(buckets: Deployment) -> None:
    """S3 itself refuses the call when the bucket belongs to another account; nothing is sent when none is set."""
    with buckets.record("s3") as sent:
        list(list_sources(buckets.s3, "s3://media", owner=ACCOUNT))
        list(list_sources(buckets.s3, "s3://media"))

    assert [call.params.get("ExpectedBucketOwner") for call in sent] == [ACCOUNT, None]


def test_a_listing_and_a_head_tell_the_same(buckets: Deployment) -> None:
    """Whichever call a source was read from, it is the same version."""
    buckets.s3.put_object(Bucket="media", Key="a.txt", Body=b"hello")
    head = buckets.s3.head_object(Bucket="media", Key="a.txt")

    assert buckets.listing() == [source_of("media", "a.txt", head)]


def test_outputs_below_the_sources_are_passed_over(buckets: Deployment) -> None:
    """A run's output may lie below its sources, in a folder of its own: it is never taken for a source."""
    for key in ("a.txt", "nova/report.md", "nova-notes.txt"):
        buckets.upload(key, b"text")

    found = list_sources(buckets.s3, "s3://media", leave_out="s3://media/nova")

    assert [source.name for source in found] == ["a.txt", "nova-notes.txt"]

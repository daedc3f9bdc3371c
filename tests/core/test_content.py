"""Content inspection: every format is taken for what it is, and what is not what it says is found before it costs money."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from core.builders import ACCOUNT, make_source
from core.deployment import Deployment
from core.media import make_clip, make_image, make_sound

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection, inspect
from nova_mme.preflight.object_file import HEAD_BYTES
from nova_mme.recipe import Recipe

BAD = Path(__file__).parents[1] / "media" / "bad"

_CLIPS = ("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp")
_IMAGES = ("png", "jpeg", "gif", "webp")
_SOUNDS = ("mp3", "wav", "ogg")


def _inspect(buckets: Deployment, name: str, body: bytes, modality: Modality | None = None) -> Inspection:
    source = buckets.upload(f"folder/{name}", body, ContentType="application/x-test")
    return inspect(buckets.s3, source, Recipe.standard(modality or Modality.of_name(name) or Modality.TEXT))


def _refuse(buckets: Deployment, name: str, body: bytes, modality: Modality | None = None) -> BadSource:
    with pytest.raises(BadSource) as caught:
        _inspect(buckets, name, body, modality)
    assert caught.value.uri == f"s3://media/folder/{name}"
    return caught.value


@pytest.mark.parametrize(
    ("name", "body", "media_format"),
    [
        *((f"a.{form}", make_clip(form), form) for form in _CLIPS),
        *((f"a.{form}", make_image(form), form) for form in _IMAGES),
        *((f"a.{form}", make_sound(form), form) for form in _SOUNDS),
        ("ünï ☕.JPG", make_image("jpeg"), "jpeg"),
        ("a.txt", b"Hello.\n", "text"),
        ("a.csv", b"a,b\n1,2\n", "text"),
        ("a.json", b"{}", "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_format_is_what_it_says(buckets: Deployment, name: str, body: bytes, media_format: str) -> None:
    """The schema's name of the format, the content type that S3 tells, and the recipe's segments; in one GET."""
    with buckets.record("s3") as sent:
        found = _inspect(buckets, name, body)

    assert (found.media_format, found.content_type) == (media_format, "application/x-test")
    modality = Modality.of_name(name)
    assert modality
    assert (found.segment, found.note) == (modality.limits.segment_default, "")
    assert (found.seconds is not None) == (modality in (Modality.AUDIO, Modality.VIDEO))
    assert [call.operation for call in sent] == ["PutObject", "HeadObject", "GetObject"]


@pytest.mark.parametrize(
    ("name", "body", "media_format"),
    [
        ("a.jpg", make_image("png"), "png"),
        ("a.png", make_image("webp"), "webp"),
        ("a.wav", make_sound("mp3"), "mp3"),
        ("a.mp4", make_clip("webm"), "webm"),
        ("a.mp4", make_clip("mov"), "mp4"),
        ("a.mkv", make_clip("webm"), "mkv"),
        ("a.mpg", make_clip("mpeg"), "mpg"),
    ],
    ids=["png.jpg", "webp.png", "mp3.wav", "webm.mp4", "mov.mp4", "webm.mkv", "mpeg.mpg"],
)
def test_the_model_is_told_the_real_format(
    buckets: Deployment, name: str, body: bytes, media_format: str
) -> None:
    """A wrong extension within a modality is no reason to refuse; formats that share a container keep their name."""
    assert _inspect(buckets, name, body).media_format == media_format


@pytest.mark.parametrize(
    ("name", "body", "held"),
    [
        ("a.mp4", make_image("png"), "image/png"),
        ("a.mp3", make_clip("mp4"), "video/mp4"),
        ("a.png", make_sound("wav"), "audio/x-wav"),
        ("a.jpg", b"This is a text.", "plain text"),
        ("a.mp4", b"<html>Not found</html>", "an HTML page"),
        ("a.jpg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        ("a.jpg", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        ("a.mp4", b'{"message": "Forbidden"}', "JSON"),
        ("a.mp3", "Das Stück ist zu Ende.".encode("latin-1") * 9, "plain text"),
        ("a.mp3", b"404", "plain text"),
        ("a.png", bytes(range(128, 256)) * 9, "nothing that is known"),
        ("a.wav", bytes(range(128, 256)) * 9, "nothing that is known"),
        ("a.txt", make_image("png"), "image/png"),
        ("a.txt", make_clip("mp4"), "video/mp4"),
        ("a.md", b"PK\x03\x04" + bytes(60), "application/zip"),
        ("a.txt", b"text\x00with a zero", "binary data"),
        ("a.txt", bytes(range(128, 256)), "binary data"),
        ("a.pdf", b"%PDF-1.7 comes too late".rjust(2000), "plain text"),
        ("a.docx", make_image("png"), "image/png"),
        ("a.docx", b"{\\rtf1 A document of another kind.}", "plain text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_content_of_another_kind_is_refused(buckets: Deployment, name: str, body: bytes, held: str) -> None:
    """The sentence says what the file is named as, and what it holds."""
    bad = _refuse(buckets, name, body)

    assert bad.reason is Reason.WRONG_CONTENT
    assert "Named as" in bad.message
    assert held in bad.message


@pytest.mark.parametrize(
    ("name", "body", "media_format"),
    [
        ("a.pdf", b"%PDF-1.7\n", "pdf"),
        ("a.pdf", b"\n" * 1000 + b"%PDF-1.7\n" + bytes(90_000), "pdf"),
        ("a.docx", b"PK\x03\x04" + bytes(60), "docx"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "docx"),
        ("a.docx", b"%PDF-1.7\n", "pdf"),
    ],
    ids=["pdf", "pdf after other bytes", "zip", "protected", "pdf.docx"],
)
def test_documents_are_known_by_their_first_bytes(
    buckets: Deployment, name: str, body: bytes, media_format: str
) -> None:
    """Whether one can be opened is found when it is rendered; its segment is the recipe's."""
    assert _inspect(buckets, name, body) == Inspection(media_format, "application/x-test", 32_000)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty.txt", Reason.EMPTY),
        ("archive.zip", Reason.UNSUPPORTED),
        ("picture-that-is-text.jpg", Reason.WRONG_CONTENT),
        ("noise.wav", Reason.WRONG_CONTENT),
        ("truncated.mp4", Reason.BROKEN),
        ("sound-alone.mp4", Reason.NO_PICTURE),
        ("no-samples.wav", Reason.NO_SOUND),
    ],
)
def test_the_bad_specimens_are_named(buckets: Deployment, name: str, reason: Reason) -> None:
    """Each for what is wrong with it."""
    assert _refuse(buckets, name, (BAD / name).read_bytes()).reason is reason


def test_a_name_of_another_modality_is_unsupported(buckets: Deployment) -> None:
    """An extension that stands for no format of the run's modality is not guessed at."""
    assert _refuse(buckets, "a.png", make_image("png"), Modality.VIDEO).reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("modality", Modality)
def test_size_is_checked_without_a_call(buckets: Deployment, modality: Modality) -> None:
    """Empty and too large ones are known from the listing; the limit itself is allowed."""
    name, most, recipe = f"a.{modality.suffixes[0]}", modality.limits.max_bytes, Recipe.standard(modality)
    with buckets.record("s3") as sent:
        for size, reason in ((0, Reason.EMPTY), (most + 1, Reason.TOO_LARGE)):
            with pytest.raises(BadSource, match=f"{size:,}") as caught:
                inspect(buckets.s3, make_source(name, size=size), recipe)
            assert caught.value.reason is reason
    assert sent == []
    with pytest.raises(BadSource) as caught:
        inspect(buckets.s3, make_source(name, size=most), recipe)
    assert caught.value.reason is Reason.MISSING


def test_only_the_head_is_read(buckets: Deployment) -> None:
    """256 KiB of a larger file, from a bucket of the expected owner."""
    source = buckets.upload("a.txt", b"x" * 2 * HEAD_BYTES)
    with buckets.record("s3") as sent:
        inspect(buckets.s3, source, Recipe.standard(Modality.TEXT), owner=ACCOUNT)

    (call,) = sent
    assert (call.operation, call.params["Range"]) == ("GetObject", "bytes=0-262143")
    assert call.params["ExpectedBucketOwner"] == ACCOUNT


def test_a_foreign_extension_costs_no_call(buckets: Deployment) -> None:
    """What is never sent to the model is not looked at either."""
    with buckets.record("s3") as sent, pytest.raises(BadSource, match="stands for no format"):
        inspect(buckets.s3, make_source("a.zip"), Recipe.standard(Modality.TEXT))

    assert sent == []


def test_an_object_that_was_emptied_is_empty(buckets: Deployment) -> None:
    """The listing said otherwise; S3 answers InvalidRange."""
    emptied = buckets.upload("a.txt", b"")

    with pytest.raises(BadSource) as caught:
        inspect(buckets.s3, replace(emptied, size=5), Recipe.standard(Modality.TEXT))

    assert caught.value.reason is Reason.EMPTY


@pytest.mark.parametrize("bucket", ["media", "no-such-bucket"])
def test_a_missing_object_is_missing(buckets: Deployment, bucket: str) -> None:
    """It was deleted after the listing."""
    with pytest.raises(BadSource) as caught:
        inspect(buckets.s3, make_source("gone.txt", bucket=bucket), Recipe.standard(Modality.TEXT))

    assert caught.value.reason is Reason.MISSING


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", 403),
        ("InvalidObjectState", 403),
        ("KMS.DisabledException", 400),
        ("KMSInvalidStateException", 400),
    ],
)
def test_an_object_that_may_not_be_read_is_unreadable(buckets: Deployment, code: str, status: int) -> None:
    """The sentence carries S3's code."""
    source = buckets.upload("a.txt", b"x")
    buckets.put_faults({"operation": "s3.GetObject", "code": code, "status": status})

    with pytest.raises(BadSource, match=code) as caught:
        inspect(buckets.s3, source, Recipe.standard(Modality.TEXT))

    assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("ExpiredToken", 400)]
)
def test_what_is_not_the_sources_fault_is_no_bad_source(buckets: Deployment, code: str, status: int) -> None:
    """A throttle, a fault of S3 or of the credentials: the task tries again, the source stays due."""
    source = buckets.upload("a.txt", b"x")
    buckets.put_faults({"operation": "s3.GetObject", "code": code, "status": status})

    with pytest.raises(ClientError, match=code):
        inspect(buckets.s3, source, Recipe.standard(Modality.TEXT))

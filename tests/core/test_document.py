"""A document's renditions in S3: made once, at places that can be named again, each bad page its own failure."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from core.builders import ACCOUNT
from core.deployment import Deployment
from media.documents import BAD, Page, make_docx, make_pdf, paragraph
from PIL import Image

from nova_mme.documents import document
from nova_mme.documents.document import Expansion, expand, fit_segment
from nova_mme.documents.docx_text import MOST_CHARACTERS
from nova_mme.documents.rendition import Rendition, name_renditions
from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection, inspect
from nova_mme.recipe import Recipe
from nova_mme.source import Source

_RECIPE = Recipe.standard(Modality.DOCUMENT)
_OUTPUT = "s3://output/nova"
_PUT = "s3.PutObject"


def _expand(buckets: Deployment, source: Source) -> Expansion:
    return expand(buckets.s3, source, _RECIPE, inspect(buckets.s3, source, _RECIPE), _OUTPUT)


def _refuse(buckets: Deployment, source: Source) -> BadSource:
    with pytest.raises(BadSource) as caught:
        _expand(buckets, source)
    assert caught.value.uri == source.uri
    return caught.value


def _read(buckets: Deployment, rendition: Rendition | None) -> tuple[str, bytes]:
    assert rendition
    bucket, _, key = rendition.uri.removeprefix("s3://").partition("/")
    answer = buckets.s3.get_object(Bucket=bucket, Key=key)
    return answer["ContentType"], answer["Body"].read()


def test_a_pdf_becomes_images_of_its_pages(buckets: Deployment) -> None:
    """In order, as PNG, at the places that can be named without the document."""
    source = buckets.upload(
        "böoks/a report.pdf", make_pdf([Page("One", (300, 200)), Page("Two", (200, 300))])
    )

    made = _expand(buckets, source).renditions

    assert made == name_renditions(source, _RECIPE, "pdf", 2, _OUTPUT)
    assert [(each.page, each.modality, each.media_format) for each in made if each] == [
        (0, Modality.IMAGE, "png"),
        (1, Modality.IMAGE, "png"),
    ]
    (first_type, first), (_, second) = (_read(buckets, each) for each in made)
    assert first_type == "image/png"
    assert [Image.open(io.BytesIO(image)).size for image in (first, second)] == [(1250, 834), (834, 1250)]


def test_a_docx_becomes_its_text(buckets: Deployment) -> None:
    """One rendition, as UTF-8."""
    source = buckets.upload("letter.docx", make_docx(paragraph("Grüße") + paragraph("日本語")))

    expansion = _expand(buckets, source)

    assert expansion.renditions == name_renditions(source, _RECIPE, "docx", 1, _OUTPUT)
    content_type, text = _read(buckets, expansion.renditions[0])
    assert content_type == "text/plain; charset=utf-8"
    assert text.decode() == "Grüße\n\n日本語"
    assert (expansion.inspection.segment, expansion.inspection.note) == (32_000, "")


def test_a_long_text_gets_longer_segments(buckets: Deployment) -> None:
    """The inspection that the job is made from says so, and why."""
    recipe = Recipe.standard(Modality.DOCUMENT, segment=800)
    source = buckets.upload("novel.docx", make_docx(paragraph("All cats are grey. " * 100) * 1000))

    expansion = expand(buckets.s3, source, recipe, inspect(buckets.s3, source, recipe), _OUTPUT)

    assert expansion.inspection.segment == 1_101
    assert "instead of 800" in expansion.inspection.note


@pytest.mark.parametrize("name", ["report.pdf", "letter.docx"])
def test_a_second_time_nothing_is_uploaded(buckets: Deployment, name: str) -> None:
    """The same renditions, and no put."""
    content = make_pdf([Page("One"), Page("Two")]) if name.endswith("pdf") else make_docx(paragraph("Text"))
    source = buckets.upload(name, content)
    first = _expand(buckets, source)
    puts = buckets.calls(_PUT)

    assert _expand(buckets, source) == first
    assert buckets.calls(_PUT) == puts


def test_a_retry_makes_what_is_missing(buckets: Deployment) -> None:
    """The task was killed after two of three pages."""
    source = buckets.upload("report.pdf", make_pdf([Page("One"), Page("Two"), Page("Three")]))
    places = name_renditions(source, _RECIPE, "pdf", 3, _OUTPUT)
    two_go_through = {"operation": _PUT, "delay_seconds": 0.001, "times": 2}
    buckets.put_faults(two_go_through, {"operation": _PUT, "code": "SlowDown", "status": 503})
    with pytest.raises(ClientError, match="SlowDown"):
        _expand(buckets, source)
    buckets.put_faults()
    there = buckets.output_files()
    puts = buckets.calls(_PUT)

    made = _expand(buckets, source).renditions

    assert [f"s3://output/{key}" for key in there] == [place.uri for place in places[:2]]
    assert made == places
    assert buckets.calls(_PUT) - puts == 1


def test_another_version_is_another_place(buckets: Deployment) -> None:
    """Neither a new content nor a new way of making images finds what was made before."""
    first = _expand(buckets, buckets.upload("report.pdf", make_pdf([Page("One")])))
    source = buckets.upload("report.pdf", make_pdf([Page("Another")]))
    second = _expand(buckets, source)
    recipe = replace(_RECIPE, preprocessing=_RECIPE.preprocessing + 1)
    third = expand(buckets.s3, source, recipe, inspect(buckets.s3, source, recipe), _OUTPUT)

    assert len({each.uri for each in (*first.renditions, *second.renditions, *third.renditions) if each}) == 3


def test_a_bad_page_leaves_its_neighbours(buckets: Deployment) -> None:
    """None in its place; the numbers of the others stay."""
    source = buckets.upload("report.pdf", (BAD / "one-page-missing.pdf").read_bytes())

    made = _expand(buckets, source).renditions

    assert [each and each.page for each in made] == [0, None, 2]
    assert len(buckets.output_files()) == 2


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("encrypted.pdf", Reason.ENCRYPTED, "password"),
        ("truncated.pdf", Reason.BROKEN, "cut off"),
        ("no-pages.pdf", Reason.EMPTY, "no pages"),
        ("too-many-pages.pdf", Reason.TOO_MANY_SEGMENTS, "1,001 pages; at most 1,000"),
        ("encrypted.docx", Reason.ENCRYPTED, "password"),
        ("word-97.docx", Reason.WRONG_CONTENT, ".doc"),
        ("not-word.docx", Reason.WRONG_CONTENT, "no Word document"),
        ("zip-bomb.docx", Reason.BROKEN, "ZIP bomb"),
        ("no-text.docx", Reason.EMPTY, "no text"),
    ],
)
def test_a_bad_document_is_named(buckets: Deployment, name: str, reason: Reason, words: str) -> None:
    """By reason and sentence; nothing of it is uploaded."""
    bad = _refuse(buckets, buckets.upload(name, (BAD / name).read_bytes()))

    assert bad.reason is reason
    assert words in bad.message
    assert buckets.output_files() == []


def test_a_document_without_a_good_page_is_broken(buckets: Deployment) -> None:
    """There is nothing to embed."""
    bad = _refuse(buckets, buckets.upload("report.pdf", make_pdf([None, Page(size=(20_000, 9))])))

    assert (bad.reason, bad.message[:19]) == (Reason.BROKEN, "None of its 2 pages")


def test_a_document_named_as_the_other_kind_is_what_it_is(buckets: Deployment) -> None:
    """A PDF named .docx is a PDF."""
    made = _expand(buckets, buckets.upload("report.docx", make_pdf([Page()]))).renditions

    assert [each and each.media_format for each in made] == ["png"]


def test_a_document_that_was_replaced_meanwhile_is_not_mixed_up(buckets: Deployment) -> None:
    """The version that was listed is asked for, and no other."""
    source = buckets.upload("report.pdf", make_pdf([Page("One")]))
    found = inspect(buckets.s3, source, _RECIPE)
    buckets.upload("report.pdf", make_pdf([Page("Another")]))

    with pytest.raises(BadSource) as caught:
        expand(buckets.s3, source, _RECIPE, found, _OUTPUT)

    assert caught.value.reason is Reason.CHANGED


def test_the_owner_is_asked_for_everywhere(buckets: Deployment) -> None:
    """Of both buckets, in every call."""
    source = buckets.upload("report.pdf", make_pdf([Page()]))
    found = inspect(buckets.s3, source, _RECIPE)
    with buckets.record("s3") as sent:
        expand(buckets.s3, source, _RECIPE, found, _OUTPUT, owner=ACCOUNT)

    calls = {call.operation: call.params.get("ExpectedBucketOwner") for call in sent}
    assert calls == dict.fromkeys(("GetObject", "ListObjectsV2", "PutObject"), ACCOUNT)


def test_a_large_document_comes_in_parts_and_whole(
    buckets: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of the version that was listed; nothing is left of them afterwards."""
    monkeypatch.setattr(document, "_PART_BYTES", 200)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = buckets.upload("report.pdf", make_pdf([Page()]))
    found = inspect(buckets.s3, source, _RECIPE)
    with buckets.record("s3") as sent:
        made = expand(buckets.s3, source, _RECIPE, found, _OUTPUT).renditions

    gets = [call.params for call in sent if call.operation == "GetObject"]
    assert len(gets) == -(-source.size // 200) > 2
    assert {get["IfMatch"] for get in gets} == {f'"{source.etag}"'}
    assert len(made) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("characters", "wanted", "segment"),
    [
        (1_000_000, 800, 800),
        (1_300_000, 800, 800),
        (1_900_000, 800, 1_100),
        (60_000_000, 32_000, 32_000),
        (80_000_000, 32_000, 42_206),
        (MOST_CHARACTERS, 800, 50_000),
    ],
)
def test_a_long_text_is_cut_into_legal_segments(characters: int, wanted: int, segment: int) -> None:
    """The shortest length that makes at most 1,900 segments, though each ends before a word; and it is said."""
    recipe = Recipe.standard(Modality.DOCUMENT, segment=wanted)

    fitted = fit_segment(Inspection("docx", "", wanted), recipe, characters)

    assert fitted.segment == segment
    assert characters / (segment - 100) <= 1_900
    assert (f"instead of {wanted:,}" in fitted.note) == (segment != wanted)

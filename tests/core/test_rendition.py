"""Renditions: what the model is given, at places that depend on nothing but the source."""

from __future__ import annotations

from dataclasses import replace

from core.builders import make_source

from nova_mme.documents.rendition import Rendition, name_renditions
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe

_PDF = make_source("a b/report é.pdf", etag="abc")
_RECIPE = Recipe.standard(Modality.DOCUMENT)
_OUTPUT = "s3://output/nova/"


def test_a_medium_is_given_as_it_is() -> None:
    """No copy of it is made."""
    source = make_source("clips/cat.mp4")

    assert name_renditions(source, Recipe.standard(Modality.VIDEO), "mp4", 1, _OUTPUT) == [
        Rendition("s3://media/clips/cat.mp4", Modality.VIDEO, "mp4")
    ]


def test_a_pdf_is_its_pages() -> None:
    """Images, numbered from 0 and named from 1, at a place of this version of the document."""
    first, second = name_renditions(_PDF, _RECIPE, "pdf", 2, _OUTPUT)

    folder = f"s3://output/nova/renditions/{_PDF.object_id}/abc-1"
    assert first == Rendition(f"{folder}/page-0001.png", Modality.IMAGE, "png", 0)
    assert second == Rendition(f"{folder}/page-0002.png", Modality.IMAGE, "png", 1)


def test_a_word_document_is_its_text() -> None:
    """One text, whatever the count."""
    (text,) = name_renditions(make_source("a.docx"), _RECIPE, "docx", 1, _OUTPUT)

    assert (text.modality, text.media_format, text.page) == (Modality.TEXT, "text", None)
    assert text.uri.endswith("/text.txt")


def test_another_version_has_other_places() -> None:
    """Of the document, and of how it is made into pages."""
    places = {
        name_renditions(source, recipe, "pdf", 1, _OUTPUT)[0].uri
        for source in (_PDF, replace(_PDF, etag="def"))
        for recipe in (_RECIPE, replace(_RECIPE, preprocessing=2))
    }

    assert len(places) == 4

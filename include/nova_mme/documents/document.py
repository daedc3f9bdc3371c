"""Expands a document into what the model reads: a PDF into images of its pages, a .docx into its text.

They are kept in S3 at places that depend on the document's content alone: a second time nothing is made again.
"""

from __future__ import annotations

import logging
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nova_mme.documents.docx_package import DocxPackage
from nova_mme.documents.docx_text import read_docx
from nova_mme.documents.pdf_pages import BadPage, PdfPages
from nova_mme.documents.rendition import Rendition, name_renditions
from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.preflight.content import Inspection
from nova_mme.preflight.object_file import read_range
from nova_mme.preflight.segment_length import WORD_CHARACTERS
from nova_mme.recipe import Recipe
from nova_mme.source import S3Uri, Source

log = logging.getLogger(__name__)

_PART_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a document was made into.

    :ivar renditions: in order; None for a page that cannot be painted.
    :ivar inspection: as it was given; of a long text with the segment length that the model takes it in.
    """

    renditions: list[Rendition | None]
    inspection: Inspection


def expand(
    s3: Any,
    source: Source,
    recipe: Recipe,
    inspection: Inspection,
    output_uri: str,
    *,
    owner: str | None = None,
) -> Expansion:
    """Make a document's page images, or its text, in S3, as far as they are not there yet.

    The document is downloaded to a temporary file, and one page of it is in memory at a time.

    :param owner: the expected account id of the buckets' owner.
    :raises BadSource: encrypted, broken, empty, too large, of too many pages; changed or deleted meanwhile.
    :raises ClientError: throttles and faults of S3.
    """
    with tempfile.TemporaryDirectory(prefix="nova-mme-") as folder:
        path = Path(folder) / "document"
        _download(s3, source, path, owner)
        task = _Task(s3, source, recipe, output_uri, owner, path)
        if inspection.media_format == "pdf":
            return Expansion(task.paint_pages(), inspection)
        rendition, characters = task.write_text()
        return Expansion([rendition], fit_segment(inspection, recipe, characters))


def fit_segment(inspection: Inspection, recipe: Recipe, characters: int) -> Inspection:
    """The inspection with the shortest segment, from the one asked for up, that makes at most 1,900 of a text."""
    limits = Modality.TEXT.limits
    wanted = inspection.segment or recipe.segment or limits.segment_default or 0
    before = math.ceil(characters / (wanted - WORD_CHARACTERS))
    if before <= limits.max_segments:
        return inspection
    segment = math.ceil(characters / limits.max_segments) + WORD_CHARACTERS
    note = (
        f"Segments of {segment:,} characters instead of {wanted:,}: the text's {characters:,} characters would make "
        f"up to {before:,} segments, and Nova takes {limits.max_segments:,}."
    )
    return replace(inspection, segment=min(segment, limits.segment_max or segment), note=note)


def _download(s3: Any, source: Source, path: Path, owner: str | None) -> None:
    """In parts, for each of which a dropped connection is mended."""
    with path.open("wb") as file:
        for start in range(0, source.size, _PART_BYTES):
            length = min(_PART_BYTES, source.size - start)
            part, _ = read_range(s3, source, start, length, owner=owner)
            file.write(part)


@dataclass(frozen=True, slots=True)
class _Task:
    """One document on its way from the file it was downloaded to, to its renditions."""

    s3: Any
    source: Source
    recipe: Recipe
    output_uri: str
    owner: str | None
    path: Path

    def paint_pages(self) -> list[Rendition | None]:
        with PdfPages(self.path, self.source.uri) as pages:
            most = self.recipe.modality.limits.max_segments
            if pages.count > most:
                message = f"It has {pages.count:,} pages; at most {most:,} of a document are embedded."
                raise BadSource(self.source.uri, Reason.TOO_MANY_SEGMENTS, message)
            there = self._list(self._name("pdf", 1)[0])
            wanted = self._name("pdf", pages.count)
            found = [self._paint(pages, rendition, there) for rendition in wanted]
        if not any(found):
            message = f"None of its {pages.count:,} pages can be painted; the task's log says why."
            raise BadSource(self.source.uri, Reason.BROKEN, message)
        return found

    def _paint(self, pages: PdfPages, rendition: Rendition, there: set[str]) -> Rendition | None:
        if rendition.uri in there:
            return rendition
        try:
            image = pages.paint(rendition.page or 0)
        except BadPage as bad:
            log.warning("%s: %s", self.source.uri, bad)
            return None
        self._upload(image, rendition, "image/png")
        return rendition

    def write_text(self) -> tuple[Rendition, int]:
        """The rendition, and how many characters it has."""
        (rendition,) = self._name("docx", 1)
        text = self.path.with_name("text.txt")
        with (
            DocxPackage(self.path, self.source.uri) as package,
            text.open("w", encoding="utf-8", newline="") as file,
        ):
            characters = read_docx(package, file.write)
        if rendition.uri not in self._list(rendition):
            self._upload(text, rendition, "text/plain; charset=utf-8")
        return rendition, characters

    def _name(self, media_format: str, count: int) -> list[Rendition]:
        return name_renditions(self.source, self.recipe, media_format, count, self.output_uri)

    def _list(self, first: Rendition) -> set[str]:
        """What is there already, by URI: one call for a document, rather than one for each page."""
        place = S3Uri.parse(first.uri)
        prefix = place.key.rpartition("/")[0] + "/"
        request = {"Bucket": place.bucket, "Prefix": prefix, **self._owned()}
        pages = self.s3.get_paginator("list_objects_v2").paginate(**request)
        return {str(S3Uri(place.bucket, item["Key"])) for page in pages for item in page.get("Contents", ())}

    def _upload(self, path: Path, rendition: Rendition, content_type: str) -> None:
        place = S3Uri.parse(rendition.uri)
        with path.open("rb") as body:
            self.s3.put_object(
                Bucket=place.bucket, Key=place.key, Body=body, ContentType=content_type, **self._owned()
            )

    def _owned(self) -> dict[str, str]:
        return {"ExpectedBucketOwner": self.owner} if self.owner else {}

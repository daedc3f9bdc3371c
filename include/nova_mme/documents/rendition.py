"""What the model is given of a source: the object itself, or what a document is made into, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.source import S3Uri, Source


@dataclass(frozen=True, slots=True)
class Rendition:
    """One S3 object as the model gets it; each is a job of its own.

    :ivar modality: what the model is told it is; never a document.
    :ivar media_format: the schema's name, such as ``png``.
    :ivar page: of a PDF, from 0; None for anything else.
    """

    uri: str
    modality: Modality
    media_format: str
    page: int | None = None


def name_renditions(
    source: Source, recipe: Recipe, media_format: str, count: int, output_uri: str
) -> list[Rendition]:
    """The renditions of a source, in order, whether or not they have been made.

    Their places depend on the source's content and on how it is made into them, on nothing else: a retry finds
    what was made, and a repeated job request is the same request.

    :param media_format: what :func:`~nova_mme.content.inspect` found the source to be.
    :param count: pages of a PDF; 1 for anything else.
    """
    if recipe.modality is not Modality.DOCUMENT:
        return [Rendition(source.uri, recipe.modality, media_format)]
    folder = rendition_folder(source, recipe, output_uri)
    if media_format != "pdf":
        return [Rendition(str(folder.join("text.txt")), Modality.TEXT, "text")]
    return [
        Rendition(str(folder.join(f"page-{page + 1:04d}.png")), Modality.IMAGE, "png", page)
        for page in range(count)
    ]


def rendition_folder(source: Source, recipe: Recipe, output_uri: str) -> S3Uri:
    """Where a document's pages or text are kept."""
    version = f"{source.etag}-{recipe.preprocessing}"
    return S3Uri.parse(output_uri).join("renditions", source.object_id, version)

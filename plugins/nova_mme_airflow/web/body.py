"""What the API is asked, as types: the bounds are the core's, which checks them again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nova_mme.nova import QUERY_CHARACTERS
from nova_mme.search.request import MAX_FOUND, MAX_TOP_K, PAGE
from nova_mme.text_embedding import ID_PATTERN
from nova_mme.titan import MAX_CHARACTERS

_CONDITION_CHARACTERS = 4000
_URI_CHARACTERS = 1100
EMBEDDING_ID = f"^{ID_PATTERN}$"

# A source's URI: S3 keys are at most 1,024 bytes.
Uri = Annotated[str, Field(pattern="^s3://", max_length=_URI_CHARACTERS, examples=["s3://media/film.mp4"])]


class Body(BaseModel):
    """A request: a field that there is not is refused rather than passed over, and 0 is not false."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _one_of(*names: str) -> dict[str, Any]:
    """The document's way to say that just one of the fields must have a value."""
    given = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return {"oneOf": given}


class Media(Body):
    """A file to search with."""

    name: str = Field(min_length=1, max_length=1024, description="Its extension tells the format.")
    content: str = Field(description="The file in base64; at most 18.7 MB before that.")


class Query(Body):
    """What to search with, and for: one of text, source and media."""

    model_config = ConfigDict(json_schema_extra=_one_of("text", "source", "media"))

    text: str | None = Field(None, max_length=QUERY_CHARACTERS, examples=["a cat in the rain"])
    source: Uri | None = Field(None, description="A stored source, to find others like it without the model.")
    segment: int | None = Field(
        None, ge=0, le=2000, description="With source: that one of its segments, from 0; else their mean."
    )
    media: Media | None = None
    modality: Literal["all", "text", "image", "video", "audio", "document"] = "all"
    condition: str = Field(
        "", max_length=_CONDITION_CHARACTERS, examples=["uploaded >= 2026-01-01 and format in (mp4, mov)"]
    )
    prefix: str = Field("", max_length=1024, description="Below the deployment's source_uri, or s3://...")
    per_source: int = Field(3, ge=1, le=PAGE, description="The most spans of one source.")

    @model_validator(mode="after")
    def have_one(self) -> Query:
        """One query, and a segment only of a source."""
        if sum(query is not None for query in (self.text, self.source, self.media)) != 1:
            raise ValueError("give one of text, source and media")
        if self.segment is not None and self.source is None:
            raise ValueError("a segment is one of a source; give the source")
        return self


class Search(Query):
    """One search."""

    strategy: Literal["flat", "hierarchical"] = "flat"
    dimension: Literal[256, 384, 1024, 3072] = Field(
        1024, description="Of the index that is asked, or at which the shortlist is scored (1024 or 3072)."
    )
    shortlist: int = Field(100, ge=1, le=MAX_FOUND, description="Segments that a hierarchical search scores.")
    top_k: int = Field(10, ge=1, le=MAX_TOP_K, description="Sources that are wanted.")


class Comparison(Query):
    """One query, five ways."""

    top_k: int = Field(10, ge=1, le=PAGE, description="Sources that are wanted, each way.")


class Generation(Body):
    """A text to embed with Titan Text Embeddings V2."""

    text: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    dimensions: Literal[256, 512, 1024] = 1024
    normalize: bool = True
    store_in_s3: bool = Field(False, description="Keep the embedding, to be read again by its id.")
    embedding_id: str | None = Field(None, pattern=EMBEDDING_ID, description="Chosen by you, or made up.")

"""What the API answers, as types: for its OpenAPI document, and for whoever reads the code."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An answer; what a later version of the core adds passes through."""

    model_config = ConfigDict(extra="allow")


class RunName(BaseModel):
    """The run that embedded it."""

    dag_id: str
    run_id: str


class Span(Answer):
    """A part of a source; what does not apply is left out."""

    key: str = Field(description="Of its best segment's vector.")
    score: float
    distance: float
    embedding_type: str
    segments: tuple[int, int] = Field(description="First and last, from 0, both included.")
    start_seconds: float | None = None
    end_seconds: float | None = None
    start_character: int | None = None
    end_character: int | None = None
    first_page: int | None = None
    last_page: int | None = None
    text: str | None = None
    snippet: str | None = None


class Result(Answer):
    """A source that was found."""

    id: str
    uri: str
    name: str
    modality: str
    score: float = Field(description="Cosine similarity of its best segment, -1 to 1.")
    distance: float = Field(description="Cosine distance, 1 - score.")
    spans: list[Span] = Field(description="Best first.")
    file_type: str | None = None
    content_type: str | None = None
    size: int | None = Field(None, description="Bytes.")
    uploaded: int | None = Field(None, description="Epoch seconds; processed too.")
    processed: int | None = None
    media_url: str | None = Field(None, description="Shows the source for a quarter of an hour.")
    run: RunName | None = None


class Stage(Answer):
    """What one step did."""

    operation: str
    dimension: int | None
    candidates: int
    calls: int
    seconds: float


class SearchAnswer(Answer):
    """Sources, best first, and how they were found."""

    space: str
    strategy: str
    dimension: int
    purpose: str
    score: str
    results: list[Result]
    stages: list[Stage]
    looked_at: int
    is_complete: bool
    seconds: float


class ComparisonAnswer(Answer):
    """Flat at 256, 384, 1024 and 3072, and hierarchical 256 > 3072."""

    answers: list[SearchAnswer]
    overlaps: list[list[float]] = Field(description="Row i, column j: the share of sources in common.")


class SourceAnswer(Answer):
    """What the ledger knows of a source in the active space."""

    id: str
    uri: str
    name: str
    modality: str
    status: str
    reason: str
    message: str
    next_step: str
    run: RunName | None
    size: int
    modified: int
    updated: int
    segments: dict[str, int]
    space: str
    media_url: str | None = None


class StatusAnswer(Answer):
    """How the deployment stands."""

    counting: int | None = Field(description="Rows that a count under way has seen; None when there is none.")
    as_of: int | None = Field(
        None, description="Epoch seconds; what follows is missing before the first count."
    )


class EmbeddingAnswer(Answer):
    """An embedding."""

    embedding_id: str
    embedding: list[float]
    dimension: int
    model_id: str
    input_tokens: int
    processing_time_ms: float
    stored_in_s3: bool
    s3_key: str | None


class StoredEmbedding(Answer):
    """An embedding that was kept, with the text that it was made of."""

    embedding_id: str
    text: str
    embedding: list[float]
    dimension: int
    normalize: bool
    model_id: str
    input_tokens: int
    created: int = Field(description="Epoch seconds.")

"""What embedding one source means: segments, dollars, job time; from its size, and from what a ledger row tells of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from nova_mme.metadata import TEXT_BYTES
from nova_mme.migration.price import Prices
from nova_mme.modality import Modality
from nova_mme.preflight.recording import MOST_RECORDING_SECONDS
from nova_mme.recipe import EMBEDDING_MODES, PREPROCESSING_VERSION, Recipe
from nova_mme.row import Row, Status
from nova_mme.source import Source

_MILLION = 1_000_000
_SEPARATE = EMBEDDING_MODES[1]
_STORED = (Status.STORED, Status.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a source means to the model and to the indexes.

    :ivar segments: vectors in each of the four indexes.
    :ivar usd: what the model costs.
    :ivar job_seconds: of all its jobs together.
    :ivar seconds: of media; ``tokens`` of text; ``images``, or pages.
    :ivar text_bytes: of the segments' texts, which each index keeps beside the vectors.
    :ivar rough: it comes from the size of the file and an assumed rate, not from what was stored of it.
    """

    segments: int = 0
    usd: float = 0.0
    jobs: int = 0
    job_seconds: float = 0.0
    seconds: float = 0.0
    tokens: float = 0.0
    images: int = 0
    text_bytes: int = 0
    rough: bool = False

    def without_jobs(self) -> Load:
        """What is left of it when its jobs were started, and paid for, before."""
        return replace(self, usd=0.0, jobs=0, job_seconds=0.0)


def measure(source: Source, recipe: Recipe, prices: Prices, row: Row | None = None) -> Load:
    """What it takes to embed a source with a recipe.

    A recording is counted in whole segments of what was stored of it, so up to one segment too long; without such
    a row, from its size, and then it is rough. Another segment length changes the segments, not the seconds.
    What preflight refuses for its size costs nothing.

    :param row: the source's, in any space; one that does not tell (see :func:`tells`) is passed over.
    """
    if not 0 < source.size <= recipe.modality.limits.max_bytes:
        return Load()
    told = row if row is not None and tells(source, row) else None
    return _MEASURES[recipe.modality](source, recipe, prices, told)


def tells(source: Source, row: Row) -> bool:
    """Whether the row tells how much there is of this very content: it was stored."""
    return row.etag == source.etag and row.status in _STORED and bool(row.segments)


def _measure_recording(source: Source, recipe: Recipe, prices: Prices, row: Row | None) -> Load:
    video = recipe.modality is Modality.VIDEO
    old = None if row is None else _known_recipes(recipe.modality).get(row.recipe)
    length = None if row is None else row.segment or (old.segment if old else recipe.segment)
    seconds = _reach(row) * length if row and length else source.size / _byte_rate(source, recipe, prices)
    seconds = min(seconds, MOST_RECORDING_SECONDS)
    limits = recipe.modality.limits
    cut = max(recipe.segment or 1, math.ceil(seconds / limits.max_segments))
    fixed, share = (
        (prices.video_job_seconds, prices.video_job_share)
        if video
        else (prices.audio_job_seconds, prices.audio_job_share)
    )
    return Load(
        segments=math.ceil(seconds / cut) * _count_kinds(recipe, row, old),
        usd=seconds * (prices.video_second if video else prices.audio_second),
        jobs=1,
        job_seconds=fixed + share * seconds,
        seconds=seconds,
        rough=row is None or (row.segment is None and old is None),
    )


def _count_kinds(recipe: Recipe, row: Row | None, old: Recipe | None) -> int:
    """Embeddings per segment: with AUDIO_VIDEO_SEPARATE one of pictures and one of sound, if there is any."""
    if recipe.embedding_mode != _SEPARATE:
        return 1
    return len(row.segments) if row and old and old.embedding_mode == _SEPARATE else 2


def _byte_rate(source: Source, recipe: Recipe, prices: Prices) -> float:
    if recipe.modality is Modality.VIDEO:
        return prices.video_byte_rate
    is_wav = recipe.modality.format_of(source.name) == "wav"
    return prices.wav_byte_rate if is_wav else prices.audio_byte_rate


@cache
def _known_recipes(modality: Modality) -> Mapping[str, Recipe]:
    """Every recipe that a recording can have been embedded with, by fingerprint: a row keeps no more of it."""
    low, high = modality.limits.segment_min or 1, modality.limits.segment_max or 1
    modes = EMBEDDING_MODES if modality is Modality.VIDEO else (None,)
    versions = range(1, PREPROCESSING_VERSION + 1)
    recipes = (
        replace(Recipe(modality, segment, None, mode), preprocessing=version)
        for segment, mode, version in product(range(low, high + 1), modes, versions)
    )
    return {recipe.fingerprint: recipe for recipe in recipes}


def _measure_text(source: Source, recipe: Recipe, prices: Prices, row: Row | None) -> Load:
    same = row is not None and row.recipe == recipe.fingerprint
    segments = _reach(row) if row and same else _count_texts(source.size, recipe)
    return _load_text(source.size, segments, prices)


def _measure_image(source: Source, recipe: Recipe, prices: Prices, row: Row | None) -> Load:
    return Load(segments=1, usd=prices.image, jobs=1, job_seconds=prices.image_job_seconds, images=1)


def _measure_document(source: Source, recipe: Recipe, prices: Prices, row: Row | None) -> Load:
    if recipe.modality.format_of(source.name) != "pdf":
        return _measure_docx(source, recipe, prices, row)
    guess = min(math.ceil(source.size / prices.page_bytes), recipe.modality.limits.max_segments)
    pages = _reach(row) if row else guess
    return Load(
        segments=pages,
        usd=pages * prices.page,
        jobs=pages,
        job_seconds=pages * prices.page_job_seconds,
        images=pages,
        rough=row is None,
    )


def _measure_docx(source: Source, recipe: Recipe, prices: Prices, row: Row | None) -> Load:
    """Its text is as long as the segments stored of it; else it is taken to be as long as the file."""
    if row is None or row.recipe != recipe.fingerprint:
        return replace(_load_text(source.size, _count_texts(source.size, recipe), prices), rough=True)
    segments = _reach(row)
    return _load_text(segments * (row.segment or recipe.segment or 1), segments, prices)


def _load_text(size: int, segments: int, prices: Prices) -> Load:
    tokens = size / prices.token_bytes
    return Load(
        segments=segments,
        usd=tokens / _MILLION * prices.text_million_tokens,
        jobs=1,
        job_seconds=prices.text_job_seconds,
        tokens=tokens,
        text_bytes=min(size, segments * TEXT_BYTES),
    )


def _count_texts(size: int, recipe: Recipe) -> int:
    """Segments of a text, taken to have as many characters as bytes: no text has more."""
    return min(math.ceil(size / (recipe.segment or 1)), Modality.TEXT.limits.max_segments)


def _reach(row: Row) -> int:
    """How many segments the model cut the source into, those that failed included."""
    return max(row.segments.values())


_MEASURES: Mapping[Modality, Callable[[Source, Recipe, Prices, Row | None], Load]] = {
    Modality.TEXT: _measure_text,
    Modality.IMAGE: _measure_image,
    Modality.VIDEO: _measure_recording,
    Modality.AUDIO: _measure_recording,
    Modality.DOCUMENT: _measure_document,
}

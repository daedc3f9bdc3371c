"""Everything but the model that shapes a vector, and its fingerprint.

A changed recipe makes stored vectors stale, yet comparable: they stay searchable until re-embedded.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cache

import orjson

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality

INDEX_PURPOSE = "GENERIC_INDEX"
PURPOSES = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "IMAGE_RETRIEVAL",
    "VIDEO_RETRIEVAL",
    "DOCUMENT_RETRIEVAL",
    "AUDIO_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)
RETRIEVAL_PURPOSE = "GENERIC_RETRIEVAL"
DETAIL_LEVELS = ("STANDARD_IMAGE", "DOCUMENT_IMAGE")
# Reads dense text, as pages have it (Amazon Nova user guide, "Embeddings schema", detailLevel).
PAGE_DETAIL_LEVEL = "DOCUMENT_IMAGE"
EMBEDDING_MODES = ("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE")

# Raised by hand whenever what is done to a source before the model sees it changes.
PREPROCESSING_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """How sources of one modality are embedded.

    :ivar segment: characters of a text segment (a .docx document's too), seconds of an audio or video segment,
        None for images.
    :ivar detail_level: images and the pages of documents.
    :ivar embedding_mode: video only.
    """

    modality: Modality
    segment: int | None = None
    detail_level: str | None = None
    embedding_mode: str | None = None
    purpose: str = INDEX_PURPOSE
    preprocessing: int = PREPROCESSING_VERSION

    def __post_init__(self) -> None:
        limits = self.modality.limits
        if self.segment is not None:
            low, high = limits.segment_min, limits.segment_max
            if low is None or high is None or not low <= self.segment <= high:
                raise BadSetting(f"A {self.modality} segment of {self.segment} is outside {low} to {high}.")
        _check_choice("detail_level", self.detail_level, DETAIL_LEVELS)
        _check_choice("embedding_mode", self.embedding_mode, EMBEDDING_MODES)

    @classmethod
    def standard(
        cls,
        modality: Modality,
        *,
        segment: int | None = None,
        detail_level: str | None = None,
        embedding_mode: str | None = None,
    ) -> Recipe:
        """The recipe of a modality: what is not given is Nova's own default; what does not apply is left out.

        :raises BadSetting: when a value is outside the schema's range.
        """
        return cls(
            modality,
            segment=modality.limits.segment_default if segment is None else segment,
            detail_level=_detail_level(modality, detail_level),
            embedding_mode=(embedding_mode or EMBEDDING_MODES[0]) if modality is Modality.VIDEO else None,
        )

    @property
    def fingerprint(self) -> str:
        """12 hex digits of the sha256 of all fields: equal for equal recipes, on every machine."""
        return _fingerprint(self)


@cache  # planning asks once a source
def _fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(orjson.dumps(asdict(recipe), option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _detail_level(modality: Modality, given: str | None) -> str | None:
    if modality is Modality.DOCUMENT:
        return PAGE_DETAIL_LEVEL
    return (given or DETAIL_LEVELS[0]) if modality is Modality.IMAGE else None


def _check_choice(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise BadSetting(f"{name} is {value!r}; it can be {' or '.join(choices)}.")

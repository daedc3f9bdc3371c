"""What embedding and keeping vectors costs, and what is assumed where nobody has published a figure: one dated table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from nova_mme.errors import BadSetting

_TEXTS = ("as_of", "source")
# What something is divided by, or multiplied with to get more than nothing.
_POSITIVE = ("token_bytes", "page_bytes", "video_byte_rate", "audio_byte_rate", "wav_byte_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in US dollars, then assumptions; each can be set by a run that knows better.

    Nova: LiteLLM 1.109.1's price map, which names the Bedrock console; AWS's own page was not seen. No price of a
    page as DOCUMENT_IMAGE is known: it is taken to be an image's. S3 Vectors: AWS's price feed for us-east-1.

    How long a job takes is published by nobody. A sample application (ssannier/Nova-MME-Chatbot-Demo) tells of 2 to
    5 minutes for a video of 30 s, and of 30 to 60 for one of 2 h; their middles lie on 200 s + 0.35 of its length.
    All other job lengths are guesses, as are the byte rates, which stand in for lengths that no row tells.

    :ivar text_million_tokens: per 1,000,000 tokens.
    :ivar image: each; ``page`` each page of a PDF.
    :ivar video_second: with its sound, in either embedding mode; ``audio_second`` of a recording without pictures.
    :ivar put_gb: per GB (10^9 bytes: vectors, keys, metadata) of PutVectors.
    :ivar put_least_bytes: what a PutVectors call is billed for at least.
    :ivar storage_gb_month: per GB and month.
    :ivar video_job_seconds: fixed part of a video's job; ``video_job_share`` of its length comes on top. So with audio.
    :ivar text_job_seconds: a whole job; so ``image_job_seconds``, and ``page_job_seconds`` per page of a PDF.
    :ivar token_bytes: bytes of text that make a token.
    :ivar page_bytes: bytes of a PDF that make a page.
    :ivar video_byte_rate: bytes of a video that last a second; so ``audio_byte_rate`` and, for WAV,
        ``wav_byte_rate``.
    :ivar as_of: when the prices were looked up.
    """

    text_million_tokens: float = 0.135
    image: float = 0.00006
    page: float = 0.00006
    video_second: float = 0.0007
    audio_second: float = 0.00014
    put_gb: float = 0.20
    put_least_bytes: float = 128 * 1024
    storage_gb_month: float = 0.06

    video_job_seconds: float = 200.0
    video_job_share: float = 0.35
    audio_job_seconds: float = 60.0
    audio_job_share: float = 0.1
    text_job_seconds: float = 60.0
    image_job_seconds: float = 30.0
    page_job_seconds: float = 30.0

    token_bytes: float = 4.0
    page_bytes: float = 100_000.0
    video_byte_rate: float = 250_000.0  # 2 Mbit/s
    audio_byte_rate: float = 16_000.0  # 128 kbit/s
    wav_byte_rate: float = 176_400.0  # a CD's

    as_of: str = "2026-11-20"
    source: str = (
        "us-east-1; Nova: LiteLLM 1.109.1's price map, not compared with AWS's own page, a document's page taken "
        "to cost what an image does; S3 Vectors: AWS's price feed of 2026-09-28"
    )

    @classmethod
    def read(cls, overrides: Mapping[str, Any] | None = None) -> Prices:
        """The table with a deployment's or a run's own figures; which ones those are is told in ``source``.

        :raises BadSetting: for a name that is not in the table, or a value that is no figure.
        """
        changes = {name: _check(name, value) for name, value in (overrides or {}).items()}
        if changes and "source" not in changes:
            own = ", ".join(f"{name} {value:g}" for name, value in changes.items() if name not in _TEXTS)
            changes["source"] = f"{PRICES.source}; set here: {own}" if own else PRICES.source
        return replace(PRICES, **changes)


def _check(name: str, value: Any) -> Any:
    known = [field.name for field in fields(Prices)]
    if name not in known:
        raise BadSetting(f"There is no price or assumption {name!r}; there are {', '.join(known)}.")
    if name in _TEXTS:
        if not isinstance(value, str):
            raise BadSetting(f"The price table's {name} is {value!r}; it must be a text.")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise BadSetting(f"{name} is {value!r}; it must be a number from 0.")
    if name in _POSITIVE and not value:
        raise BadSetting(f"{name} is 0; it must be more.")
    return float(value)


PRICES = Prices()

"""Sums of what is to be embedded, by modality: segments, dollars, hours; nothing of a single source is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nova_mme.migration.load import Load
from nova_mme.migration.price import PRICES, Prices
from nova_mme.modality import Modality
from nova_mme.shard import shard_size
from nova_mme.space import DIMENSIONS
from nova_mme.vector_writer import BATCH_ROWS

_FLOAT_BYTES = 4
_GB = 1e9

# A key of 56 bytes and a video segment's metadata of 534, as describe_segment makes it; names may be longer.
_BESIDE_BYTES = 600


@dataclass(slots=True)
class Part:
    """The sums of one modality; units as in :class:`~nova_mme.migration.load.Load`.

    :ivar rough: how many of the sources were measured by their size alone.
    :ivar longest: seconds of the longest single job.
    """

    sources: int = 0
    segments: int = 0
    usd: float = 0.0
    jobs: int = 0
    job_seconds: float = 0.0
    seconds: float = 0.0
    tokens: float = 0.0
    images: int = 0
    text_bytes: int = 0
    rough: int = 0
    longest: float = 0.0

    def add(self, load: Load) -> None:
        """Count one more source."""
        self.sources += 1
        self.segments += load.segments
        self.usd += load.usd
        self.seconds += load.seconds
        self.tokens += load.tokens
        self.images += load.images
        self.text_bytes += load.text_bytes
        self.rough += load.rough
        if load.jobs:
            self.jobs += load.jobs
            self.job_seconds += load.job_seconds
            self.longest = max(self.longest, load.job_seconds / load.jobs)

    def index_bytes(self, dimension: int) -> int:
        """What one index keeps of it: vectors, keys, metadata."""
        return self.segments * (dimension * _FLOAT_BYTES + _BESIDE_BYTES) + self.text_bytes

    @property
    def puts(self) -> int:
        """PutVectors calls per index: full batches, but at least one per shard that has anything."""
        shards = math.ceil(self.sources / shard_size(self.sources))
        return max(math.ceil(self.segments / BATCH_ROWS), min(shards, self.segments))


@dataclass(slots=True)
class Estimate:
    """What a backfill takes; of constant size, whatever is added.

    :ivar parts: the sums of the modalities of which there is something, in no order.
    """

    prices: Prices = PRICES
    parts: dict[Modality, Part] = field(default_factory=dict)

    def add(self, modality: Modality, load: Load) -> None:
        """Count one more source."""
        part = self.parts.get(modality)
        if part is None:
            part = self.parts[modality] = Part()
        part.add(load)

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return sum(part.sources for part in self.parts.values())

    @property
    def segments(self) -> int:
        """How many vectors each index gets."""
        return sum(part.segments for part in self.parts.values())

    @property
    def rough(self) -> int:
        """How many sources were measured by their size alone."""
        return sum(part.rough for part in self.parts.values())

    @property
    def usd(self) -> float:
        """What the model costs, in dollars."""
        return sum(part.usd for part in self.parts.values())

    @property
    def put_usd(self) -> float:
        """What writing the vectors costs, in dollars: batched puts, each billed with at least 128 KiB."""
        least = self.prices.put_least_bytes
        billed = sum(
            max(part.index_bytes(dimension), part.puts * least)
            for part in self.parts.values()
            for dimension in DIMENSIONS
        )
        return billed / _GB * self.prices.put_gb

    @property
    def stored_gb(self) -> float:
        """What the four indexes keep, in GB of 10^9 bytes."""
        parts = self.parts.values()
        return sum(part.index_bytes(dimension) for part in parts for dimension in DIMENSIONS) / _GB

    @property
    def storage_usd_month(self) -> float:
        """What keeping the vectors costs a month, in dollars."""
        return self.stored_gb * self.prices.storage_gb_month

    def hours(self, max_jobs: int) -> float:
        """How long it takes with so many jobs in flight all the time; no less than its longest job."""
        together = sum(part.job_seconds for part in self.parts.values())
        longest = max((part.longest for part in self.parts.values()), default=0.0)
        return max(together / max_jobs, longest) / 3600

    def summarize(self, max_jobs: int) -> dict[str, Any]:
        """A small document for XCom.

        :param max_jobs: jobs in flight at a time, for ``hours``.
        """
        return {
            "sources": self.sources,
            "segments": self.segments,
            "usd": round(self.usd, 6),
            "put_usd": round(self.put_usd, 6),
            "storage_usd_month": round(self.storage_usd_month, 6),
            "hours": round(self.hours(max_jobs), 3),
            "max_jobs": max_jobs,
            "rough": self.rough,
            "prices_as_of": self.prices.as_of,
            "modalities": {modality.value: _summarize(part) for modality, part in self._ordered()},
        }

    def _ordered(self) -> Iterator[tuple[Modality, Part]]:
        return ((modality, self.parts[modality]) for modality in Modality if modality in self.parts)

    def render(self, max_jobs: int) -> str:
        """The estimate as Markdown: a table by modality, totals, and what they rest on."""
        lines = [
            "| modality | sources | jobs | segments | to embed | Nova, USD | hours of jobs |",
            "|---|---:|---:|---:|---|---:|---:|",
            *(_row(modality.value, part, _tell_amount(modality, part)) for modality, part in self._ordered()),
            _row("**all**", self._total(), ""),
            "",
            f"- The model: **{_dollars(self.usd)}**.",
            f"- Writing {self.segments:,} vectors to each of the {len(DIMENSIONS)} indexes, in batches: "
            f"{_dollars(self.put_usd)}.",
            f"- Keeping them ({self.stored_gb:,.2f} GB): {_dollars(self.storage_usd_month)} a month.",
            f"- Time with {max_jobs} jobs in flight: about {_duration(self.hours(max_jobs))}.",
            *self._tell_basis(),
        ]
        return "\n".join(lines) + "\n"

    def _total(self) -> Part:
        total = Part()
        for part in self.parts.values():
            total.sources += part.sources
            total.jobs += part.jobs
            total.segments += part.segments
            total.usd += part.usd
            total.job_seconds += part.job_seconds
        return total

    def _tell_basis(self) -> Iterator[str]:
        prices = self.prices
        yield ""
        yield f"Prices of {prices.as_of}: {prices.source}."
        if self.rough:
            yield ""
            yield (
                f"Rough: {self.rough:,} of {self.sources:,} sources were never stored as they are now, and are "
                f"measured by their size, at {prices.video_byte_rate * 8 / 1e6:g} Mbit/s of video, "
                f"{prices.audio_byte_rate * 8 / 1e3:g} kbit/s of audio ({prices.wav_byte_rate * 8 / 1e3:g} of WAV), "
                f"{prices.page_bytes / 1e3:g} KB a page of a PDF; a .docx's text as long as its file."
            )
        yield ""
        yield (
            f"Assumed: {prices.token_bytes:g} bytes of text a token; recordings that were stored before end with a "
            f"whole segment; AWS publishes no job times: {prices.video_job_seconds:g} s + {prices.video_job_share:g} of "
            f"its length for a video, {prices.audio_job_seconds:g} s + {prices.audio_job_share:g} for audio, "
            f"{prices.text_job_seconds:g} s for a text, {prices.image_job_seconds:g} s for an image, "
            f"{prices.page_job_seconds:g} s for a page."
        )


def _summarize(part: Part) -> dict[str, Any]:
    return {
        "sources": part.sources,
        "segments": part.segments,
        "jobs": part.jobs,
        "usd": round(part.usd, 6),
        "seconds": round(part.seconds),
        "tokens": round(part.tokens),
        "images": part.images,
        "rough": part.rough,
    }


def _row(name: str, part: Part, amount: str) -> str:
    figures = f"{part.sources:,} | {part.jobs:,} | {part.segments:,} | {amount}"
    return f"| {name} | {figures} | {part.usd:,.4f} | {part.job_seconds / 3600:,.1f} |"


def _tell_amount(modality: Modality, part: Part) -> str:
    pieces = {
        f"{_duration(part.seconds / 3600)} of media": part.seconds,
        f"{part.images:,} {'pages' if modality is Modality.DOCUMENT else 'images'}": part.images,
        f"{part.tokens:,.0f} tokens": part.tokens,
    }
    return ", ".join(text for text, amount in pieces.items() if amount)


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:,.4f}"


def _duration(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:,.0f} min" if hours * 60 >= 1 else f"{hours * 3600:,.0f} s"

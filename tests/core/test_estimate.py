"""The sums of an estimate: dollars, bytes, hours, and how they are told."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from nova_mme.migration.estimate import Estimate
from nova_mme.migration.load import Load
from nova_mme.migration.price import PRICES, Prices
from nova_mme.modality import Modality

_CLIP = Load(segments=12, usd=0.042, jobs=1, job_seconds=221, seconds=60)
_PICTURE = Load(segments=1, usd=0.00006, jobs=1, job_seconds=30, images=1)


def _estimate(*loads: tuple[Modality, Load], times: int = 1, prices: Prices = PRICES) -> Estimate:
    estimate = Estimate(prices)
    for _ in range(times):
        for modality, load in loads:
            estimate.add(modality, load)
    return estimate


def test_sums_are_kept_by_modality() -> None:
    """And together."""
    estimate = _estimate((Modality.VIDEO, _CLIP), (Modality.IMAGE, _PICTURE), times=100)

    assert (estimate.sources, estimate.segments) == (200, 1300)
    assert estimate.usd == pytest.approx(4.206)
    assert (estimate.parts[Modality.VIDEO].seconds, estimate.parts[Modality.IMAGE].images) == (6000, 100)


def test_hours_are_those_of_the_quota() -> None:
    """100 jobs of 221 s, ten at a time."""
    estimate = _estimate((Modality.VIDEO, _CLIP), times=100)

    assert estimate.hours(10) == pytest.approx(100 * 221 / 10 / 3600)
    assert estimate.hours(20) == pytest.approx(estimate.hours(10) / 2)


def test_nothing_is_faster_than_its_longest_job() -> None:
    """However many may be in flight; a PDF's pages are jobs of their own."""
    pages = Load(segments=10, jobs=10, job_seconds=300, images=10)

    assert _estimate((Modality.VIDEO, _CLIP)).hours(1000) == pytest.approx(221 / 3600)
    assert _estimate((Modality.DOCUMENT, pages)).hours(1000) == pytest.approx(30 / 3600)


def test_many_segments_are_put_by_the_gigabyte() -> None:
    """1,000,000 segments in full batches are 18.9 GB of vectors, and their metadata; AWS's price for that."""
    estimate = _estimate((Modality.VIDEO, Load(segments=1000, jobs=1)), times=1000)

    assert estimate.stored_gb == pytest.approx(18.944 + 4 * 0.6)
    assert estimate.put_usd == pytest.approx(estimate.stored_gb * 0.20)
    assert estimate.storage_usd_month == pytest.approx(estimate.stored_gb * 0.06)


def test_a_small_put_is_billed_as_128_kib() -> None:
    """A single image is four puts of a few KB each."""
    estimate = _estimate((Modality.IMAGE, _PICTURE))

    assert estimate.put_usd == pytest.approx(4 * 128 * 1024 / 1e9 * 0.20)


def test_the_images_of_a_shard_are_put_together() -> None:
    """5,000 images go in shards of 50: 100 puts in each index, of which the two small ones cost the minimum."""
    estimate = _estimate((Modality.IMAGE, _PICTURE), times=5000)
    small = 2 * 100 * 128 * 1024
    large = 5000 * ((1024 + 3072) * 4 + 2 * 600)

    assert estimate.parts[Modality.IMAGE].puts == 100
    assert estimate.put_usd == pytest.approx((small + large) / 1e9 * 0.20)


def test_the_text_beside_the_vectors_is_paid_for_in_each_index() -> None:
    """16 KiB of it are about as much as the vectors."""
    plain = _estimate((Modality.TEXT, Load(segments=1000)))
    texts = _estimate((Modality.TEXT, Load(segments=1000, text_bytes=16_384_000)))

    assert texts.stored_gb - plain.stored_gb == pytest.approx(4 * 0.016384)


def test_a_job_that_was_started_costs_no_more() -> None:
    """Its vectors have still to be put."""
    estimate = _estimate((Modality.VIDEO, _CLIP.without_jobs()))

    assert (estimate.usd, estimate.hours(1), estimate.segments) == (0, 0, 12)
    assert estimate.put_usd > 0


def test_nothing_due_is_nothing() -> None:
    """Not even a division by zero."""
    summary = Estimate().summarize(20)

    assert (summary["sources"], summary["usd"], summary["put_usd"], summary["hours"]) == (0, 0, 0, 0)
    assert "$0.00" in Estimate().render(20)


def test_the_summary_is_small_and_plain() -> None:
    """JSON for XCom: floats rounded, modalities by name, in their own order."""
    summary = _estimate((Modality.VIDEO, _CLIP), (Modality.IMAGE, _PICTURE), times=3).summarize(20)

    assert orjson.loads(orjson.dumps(summary)) == summary
    assert len(orjson.dumps(summary)) < 1000
    assert (summary["usd"], summary["segments"], summary["max_jobs"]) == (0.12618, 39, 20)
    assert list(summary["modalities"]) == ["image", "video"]
    assert summary["modalities"]["video"] == {
        "sources": 3,
        "segments": 36,
        "jobs": 3,
        "usd": 0.126,
        "seconds": 180,
        "tokens": 0,
        "images": 0,
        "rough": 0,
    }


def test_the_report_tells_what_it_rests_on() -> None:
    """A line per modality, totals, the table's date and source, what is rough and what is assumed."""
    rough = Load(segments=2, usd=0.007, jobs=1, job_seconds=203, seconds=10, rough=True)
    text = _estimate((Modality.VIDEO, _CLIP), (Modality.VIDEO, rough), times=600).render(20)

    assert "| video | 1,200 | 1,200 | 8,400 | 11.7 h of media | 29.4000 | 70.7 |" in text
    assert "**$29.40**" in text
    assert "20 jobs in flight: about 3.5 h" in text
    assert f"Prices of {PRICES.as_of}: {PRICES.source}." in text
    assert "Rough: 600 of 1,200 sources" in text
    assert "Assumed: 4 bytes of text a token" in text


def test_without_rough_ones_none_are_told() -> None:
    """The assumptions that remain are."""
    text = _estimate((Modality.VIDEO, _CLIP)).render(20)

    assert "Rough" not in text
    assert "Assumed" in text


def test_own_prices_are_told() -> None:
    """Whoever approves sees that they are not the table's."""
    prices = Prices.read({"video_second": 0.5})

    assert "set here: video_second 0.5" in _estimate((Modality.VIDEO, _CLIP), prices=prices).render(1)


def test_an_estimate_does_not_grow() -> None:
    """Only sums are kept."""
    tracemalloc.start()
    _estimate((Modality.VIDEO, _CLIP), times=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 20_000

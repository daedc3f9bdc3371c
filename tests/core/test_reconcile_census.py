"""The census: numbers instead of names, in memory that ten million sources fit into."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest
from core.stocked import RECIPE

from nova_mme.reconcile.census import BucketCensus, LedgerCensus
from nova_mme.row import Row, Status
from nova_mme.segment import vector_key
from nova_mme.source import Source
from nova_mme.vector_key import VectorKey

_MANY = 50_000
_SEGMENTS = {"VIDEO": 2, "AUDIO": 2}  # so there are twice as many entries, and four times as many keys


def _name(number: int) -> str:
    return f"clip-mp4-{hashlib.sha256(str(number).encode()).hexdigest()[:16]}"


def _rows(count: int) -> Iterator[Row]:
    for number in range(count):
        yield Row(
            object_id=_name(number),
            space="test",
            uri=f"s3://media/folder/of/clips/{number}.mp4",
            etag=f"etag-{number}",
            recipe=RECIPE.fingerprint,
            status=Status.STORED,
            segments=_SEGMENTS,
            counts=_SEGMENTS,
        )


def _pages(count: int, *, missing: int = -1) -> Iterator[list[VectorKey]]:
    """The keys of one index, a thousand sources at a time."""
    for start in range(0, count, 1000):
        yield [
            VectorKey(_name(number), name, segment)
            for number in range(start, start + 1000)
            if number != missing
            for name in _SEGMENTS
            for segment in range(2)
        ]


def test_the_ledgers_census_is_flat() -> None:
    """100,000 entries and 200,000 keys: 36 bytes an entry while they are sorted, 25 to keep, none to count with."""
    tracemalloc.start()
    census = LedgerCensus()
    for row in _rows(_MANY):
        census.add(row, judged=True)
    census.close()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    for page in _pages(_MANY, missing=33_333):
        assert census.count(page).all()
    census.close_index(2)
    counted = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    entries = 2 * _MANY
    assert 25 <= kept / entries < 27
    assert peak / entries < 42
    assert counted - kept < 2_000_000
    suspects = [
        number for number, row in enumerate(_rows(34_000)) if number > 33_000 and any(census.tell(row))
    ]
    assert suspects == [33_333]


def test_the_buckets_census_is_flat() -> None:
    """50,000 objects: 8 bytes each, and what the array takes in reserve while it grows."""
    sources = (Source(f"s3://media/clips/{number}.mp4", "e", 1, 0) for number in range(_MANY))
    tracemalloc.start()
    census = BucketCensus(sources)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(census) == _MANY
    assert kept / _MANY < 10
    assert peak / _MANY < 20
    names = [
        Source(f"s3://media/{name}", "e", 1, 0).object_id for name in ("clips/7.mp4", "7.mp4", "clips/-1.mp4")
    ]
    assert census.hold(names).tolist() == [True, False, False]


def test_empty_censuses_know_nobody() -> None:
    """No objects and no rows: nothing is held, nothing is covered, nothing is wrong."""
    census = LedgerCensus()
    census.close()
    (row,) = _rows(1)

    assert BucketCensus([]).hold([row.object_id]).tolist() == [False]
    assert census.count([VectorKey(row.object_id, "VIDEO", 0)], ["x/y"]).tolist() == [False]
    census.close_index(0)
    assert (census.has_wrong(), census.tell(row)) == (False, ((), ()))


def test_every_index_is_judged_for_itself() -> None:
    """Too few in one, too many in another, another version in the first."""
    (row,) = _rows(1)
    keys = [VectorKey(row.object_id, "VIDEO", 0), VectorKey(row.object_id, "VIDEO", 1)]
    keys += [VectorKey(row.object_id, "AUDIO", 0), VectorKey(row.object_id, "AUDIO", 1)]
    census = LedgerCensus()
    census.add(row, judged=True)
    census.close()

    census.count(keys, [row.version] * 3 + ["older/version"])
    census.close_index(0)
    census.count(keys[:3])
    census.close_index(1)
    census.count([*keys, keys[0]])
    census.close_index(2)
    census.count(keys)
    census.close_index(3)

    assert census.tell(row) == ((384,), (256, 1024))


def test_a_row_that_is_not_judged_covers_its_vectors() -> None:
    """It says what may be there, and nothing about what must be."""
    (row,) = _rows(1)
    census = LedgerCensus()
    census.add(row, judged=False)
    census.close()

    covered = census.count(
        [VectorKey(row.object_id, "VIDEO", 1), VectorKey(row.object_id, "VIDEO", 2)], ["x/y", "x/y"]
    )
    census.close_index(0)

    assert covered.tolist() == [True, False]
    assert not census.has_wrong()


@pytest.mark.parametrize("name", ["TEXT", "AUDIO_VIDEO_COMBINED"])
@pytest.mark.parametrize("segment", [0, 9, 1433])
def test_a_key_is_taken_apart_as_it_was_made(name: str, segment: int) -> None:
    """What a store writes is what a reconciliation reads."""
    text = vector_key(Source("s3://media/Ein Film.mp4", "e", 1, 0).object_id, name, segment)

    key = VectorKey.parse(text)

    assert key is not None
    assert (key.embedding_type, key.segment, str(key)) == (name, segment, text)

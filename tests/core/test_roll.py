"""Marks and versions by object id."""

from __future__ import annotations

import tracemalloc

from nova_mme.migration.roll import Entry, Roll, hash_version
from nova_mme.source import object_id

_IDS = [object_id(f"s3://media/{number}.txt") for number in range(100)]


def test_each_source_finds_its_own_entry() -> None:
    """In the order that was asked for."""
    roll = Roll((name, f"etag {number}", number % 5 + 1) for number, name in enumerate(_IDS))

    expected = [Entry(number % 5 + 1, hash_version(f"etag {number}")) for number in range(100)]
    assert list(roll.find(_IDS[::-1])) == expected[::-1]
    assert len(roll) == 100


def test_who_is_not_there_has_the_mark_zero() -> None:
    """Whether the roll is empty or not, and beyond its last entry too."""
    strangers = ["low-0000000000000000", "high-ffffffffffffffff"]

    assert [entry.mark for entry in Roll([]).find(strangers)] == [0, 0]
    assert [entry.mark for entry in Roll([(_IDS[0], "e", 1)]).find([*strangers, _IDS[0]])] == [0, 0, 1]


def test_a_source_takes_13_bytes() -> None:
    """However long its name is."""
    count = 50_000
    tracemalloc.start()
    roll = Roll((f"name-{number * 2**32:016x}", str(number), 1) for number in range(count))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(roll) == count
    assert held < 14 * count + 10_000
    assert peak < 45 * count

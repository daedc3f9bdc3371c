"""A sample of a stream: its size, its fairness, and that it is the same whatever the order."""

from __future__ import annotations

from collections import Counter

from nova_mme.migration.draw import Draw

_NAMES = [f"name-{number}" for number in range(1000)]


def _draw(names: list[str], size: int, seed: int = 0) -> list[str]:
    draw: Draw[str] = Draw(size, seed)
    for name in names:
        draw.offer(name, name)
    return draw.take()


def test_the_order_changes_nothing() -> None:
    """Listings come in another order each time."""
    assert _draw(_NAMES, 20) == _draw(_NAMES[::-1], 20)


def test_another_seed_draws_others() -> None:
    """And the same seed the same ones."""
    assert set(_draw(_NAMES, 20, seed=1)) != set(_draw(_NAMES, 20, seed=2))


def test_fewer_than_wanted_are_all_taken() -> None:
    """And none when none is wanted."""
    assert sorted(_draw(_NAMES[:3], 20)) == _NAMES[:3]
    assert _draw(_NAMES, 0) == []


def test_every_part_of_the_stream_has_its_share() -> None:
    """A fifth of each tenth, within what chance allows (five standard deviations of 4)."""
    tenths = Counter(int(name.rpartition("-")[2]) // 100 for name in _draw(_NAMES, 200))

    assert all(20 - 20 < tenths[tenth] < 20 + 20 for tenth in range(10))
    assert sum(tenths.values()) == 200

"""A sample of a stream that is too long to keep: uniform, of a fixed size, and the same whatever the order."""

from __future__ import annotations

from hashlib import blake2b
from heapq import heappush, heapreplace
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Draw(Generic[Item]):
    """Keeps the items whose names have the smallest hashes.

    Bottom-k sampling: E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007. A hash
    behaves like a random number that anyone can draw again, so a repeated gate looks at the same items.

    :param size: how many are kept; memory is that of so many items.
    :param seed: another one makes another sample.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size = size
        self._key = seed.to_bytes(8, "big")
        self._kept: list[tuple[int, str, Item]] = []

    def offer(self, name: str, item: Item) -> None:
        """Take an item up for as long as it is among the smallest.

        :param name: what stands for the item; no two have the same.
        """
        rank = -int.from_bytes(blake2b(name.encode(), digest_size=8, key=self._key).digest(), "big")
        if len(self._kept) < self._size:
            heappush(self._kept, (rank, name, item))
        elif self._kept and rank > self._kept[0][0]:
            heapreplace(self._kept, (rank, name, item))

    def take(self) -> list[Item]:
        """What is in the sample, in the order of the hashes."""
        return [item for *_, item in sorted(self._kept, key=lambda kept: (-kept[0], kept[1]))]

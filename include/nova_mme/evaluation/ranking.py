"""Exact rankings at all four dimensions, for the price of the one at 3072.

The first numbers of a vector are its smaller embedding, so the scalar products are nested: those at 384 are those at
256 and a little more. They are added up dimension by dimension, and divided by the length of the stored vector's
prefix; the length of the query's prefix is the same for all and changes no order. One product of matrices instead of
four, 3,072 columns instead of 4,736, and no truncated copy of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nova_mme.evaluation.corpus import Corpus, Matrix
from nova_mme.evaluation.question import Questions
from nova_mme.migration.agreement import DEPTH
from nova_mme.search.request import RESCORING_DIMENSIONS, SHORTLIST_DIMENSION
from nova_mme.space import DIMENSIONS, FULL_DIMENSION

# Rows at a time: 24 MB of numbers, and at 1,000 queries 8 MB of products for each dimension.
BLOCK_ROWS = 2048

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Found:
    """What a way to search finds, best first.

    :ivar rows: of the corpus, shape (q, k); -1 where there are no more.
    :ivar exact: float32, shape (q, k): their cosines at 3072; -inf where there are no more.
    """

    rows: Rows
    exact: Matrix


class Leaders:
    """The k highest scores of each query so far, with more that is known of the same rows.

    :param extras: how many further scores are kept of each.
    """

    def __init__(self, queries: int, k: int, extras: int = 0) -> None:
        self._k = k
        self.rows: Rows = np.full((queries, k), -1, np.intp)
        self.scores: list[Matrix] = [np.full((queries, k), -np.inf, np.float32) for _ in range(extras + 1)]

    def offer(self, scores: Sequence[Matrix], start: int) -> None:
        """Take a block up.

        :param scores: float32, shape (q, b) each: what counts, and then the extras.
        :param start: the block's first row in the corpus.
        """
        places = _find_highest(scores[0], self._k)
        rows = np.hstack([self.rows, places + start])
        known = [
            np.hstack([old, np.take_along_axis(new, places, 1)])
            for old, new in zip(self.scores, scores, strict=True)
        ]
        kept = _find_highest(known[0], self._k)
        self.rows = np.take_along_axis(rows, kept, 1)
        self.scores = [np.take_along_axis(values, kept, 1) for values in known]

    def sort(self) -> None:
        """Put the best first; the earlier row among equals. What is no result loses its row."""
        order = np.lexsort((self.rows, -self.scores[0]))
        self.rows = np.take_along_axis(self.rows, order, 1)
        self.scores = [np.take_along_axis(values, order, 1) for values in self.scores]
        absent = np.isneginf(self.scores[0])
        self.rows[absent] = -1
        for values in self.scores:
            values[absent] = -np.inf


def _find_highest(scores: Matrix, k: int) -> Rows:
    columns = scores.shape[1]
    if columns <= k:
        return np.broadcast_to(np.arange(columns), scores.shape)
    places: Rows = np.argpartition(scores, columns - k, axis=1)[:, columns - k :]
    return places


@dataclass(frozen=True, slots=True)
class Ranking:
    """What every query would find if nothing were approximate.

    :ivar flat: by dimension, the first ten.
    :ivar shortlist: the first of the 256-d ranking, as many as the longest shortlist has.
    :ivar rescored: float32, by dimension: what orders the shortlist there, the larger the nearer.
    :ivar wanted: shape (q,): how many there are to be found, ten at the most.
    """

    flat: dict[int, Found]
    shortlist: Found
    rescored: dict[int, Matrix]
    wanted: NDArray[np.intp]
    eligible: NDArray[np.intp]

    def search_hierarchically(self, dimension: int, shortlist: int) -> Found:
        """The first ten of a shortlist of the 256-d ranking, ordered by the larger vectors."""
        scores = self.rescored[dimension][:, :shortlist]
        order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        rows = np.take_along_axis(self.shortlist.rows, order, 1)
        return Found(rows, np.take_along_axis(self.shortlist.exact, order, 1))


def rank(corpus: Corpus, questions: Questions, *, shortlist: int, block: int = BLOCK_ROWS) -> Ranking:
    """Rank the corpus for every query, block by block; memory is that of a block's products.

    :param shortlist: how many of the 256-d ranking are kept, at least 10.
    :param block: rows at a time.
    """
    leaders = {
        dimension: Leaders(len(questions), DEPTH, dimension != FULL_DIMENSION) for dimension in DIMENSIONS
    }
    leaders[SHORTLIST_DIMENSION] = Leaders(len(questions), shortlist, len(RESCORING_DIMENSIONS))
    eligible = np.zeros(len(questions), np.intp)
    for start in range(0, len(corpus), block):
        rows = slice(start, start + block)
        others = questions.own[:, np.newaxis] != corpus.sources[rows]
        eligible += np.count_nonzero(others, axis=1)
        scores = dict(multiply(questions.matrix, corpus.matrix[rows]))
        for values in scores.values():
            values[~others] = -np.inf
        for dimension, its in leaders.items():
            its.offer([scores[dimension], *(scores[extra] for extra in _find_extras(dimension))], start)
    return _conclude(leaders, eligible)


def _find_extras(dimension: int) -> Sequence[int]:
    if dimension == SHORTLIST_DIMENSION:
        return RESCORING_DIMENSIONS
    return () if dimension == FULL_DIMENSION else (FULL_DIMENSION,)


def multiply(queries: Matrix, rows: Matrix) -> Iterator[tuple[int, Matrix]]:
    """The scores at each dimension: cosines, but for a factor of each query's that is 1 at 3072.

    :param queries: float32, shape (q, 3072), at unit norm.
    :param rows: float32, shape (b, 3072).
    :returns: each dimension with float32, shape (q, b).
    """
    products = np.zeros((len(queries), len(rows)), np.float32)
    squares = np.zeros(len(rows), np.float32)
    for low, high in pairwise((0, *DIMENSIONS)):
        part = rows[:, low:high]
        products += queries[:, low:high] @ part.T
        squares += np.einsum("ij,ij->i", part, part)
        lengths = np.sqrt(squares)
        lengths[lengths == 0] = 1.0  # no direction: as far from everything as what is at right angles
        scores: Matrix = np.divide(products, lengths, dtype=np.float32)
        yield high, scores


def _conclude(leaders: dict[int, Leaders], eligible: NDArray[np.intp]) -> Ranking:
    for its in leaders.values():
        its.sort()
    first = leaders[SHORTLIST_DIMENSION]
    flat = {
        dimension: Found(its.rows[:, :DEPTH], its.scores[-1][:, :DEPTH]) for dimension, its in leaders.items()
    }
    rescored = dict(zip(RESCORING_DIMENSIONS, first.scores[1:], strict=True))
    return Ranking(flat, Found(first.rows, first.scores[-1]), rescored, np.minimum(eligible, DEPTH), eligible)

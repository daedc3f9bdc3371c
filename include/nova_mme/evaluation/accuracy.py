"""recall@10 against the exact 3072-d ranking, query by query, and how sure its mean is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nova_mme.evaluation.corpus import Corpus
from nova_mme.evaluation.ranking import Found, Rows
from nova_mme.migration.agreement import DEPTH, overlap
from nova_mme.space import FULL_DIMENSION

# Cosines of float32 vectors of 3,072 numbers agree to some 3e-7 whatever the order of summation. Copies of a file are
# equally near: which of them is among the first ten is chance, and finding another of them is no mistake.
TOLERANCE = 1e-6
_RESAMPLES = 2000
_ENDS = (2.5, 97.5)
_SEED = 0

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over the queries, and its interval of 95 % by the percentile bootstrap.

    B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3: 2,000 resamples of the queries.
    Where all queries have the same value it is a point, however few they are.
    """

    value: float
    low: float
    high: float


def average(values: Values) -> Mean:
    """The mean of at least one value."""
    count = len(values)
    # How often each query is in each resample: without the resamples themselves, of 2,000 times 1,000 numbers.
    times = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    low, high = np.percentile(times @ values / count, _ENDS)
    return Mean(float(values.mean()), float(low), float(high))


def measure_recall(found: Found, best: Found, wanted: NDArray[np.intp]) -> Values:
    """recall@10 of each query: the share of the wanted that is found, where what is as near as the last counts too.

    :param found: what was found, with its exact cosines.
    :param best: what the exact ranking finds; best first.
    :param wanted: how many there are to be found, 1 to 10.
    :returns: float64, shape (q,), 0 to 1.
    """
    last = np.take_along_axis(best.exact, wanted[:, np.newaxis] - 1, 1)
    right = np.count_nonzero(found.exact[:, :DEPTH] >= last - TOLERANCE, axis=1)
    shares: Values = np.minimum(right, wanted) / wanted
    return shares


def measure_overlap(found: Found, best: Found) -> Values:
    """Rank-biased overlap of each query's first ten; float64, shape (q,), 0 to 1."""
    pairs = zip(_name(found), _name(best), strict=True)
    return np.asarray([overlap(one, other) for one, other in pairs])


def _name(found: Found) -> list[list[str]]:
    return [[str(row) for row in rows if row >= 0] for rows in found.rows[:, :DEPTH].tolist()]


def score(corpus: Corpus, vector: NDArray[np.float32], rows: Rows, dimension: int = FULL_DIMENSION) -> Values:
    """The exact cosines of a few rows to a query at one dimension, in float64.

    :param vector: float32, shape (3072,).
    :param rows: shape (k,), none of them negative.
    """
    some = corpus.matrix[rows, :dimension].astype(np.float64)
    query = vector[:dimension].astype(np.float64)
    cosines: Values = some @ query / (np.linalg.norm(some, axis=1) * np.linalg.norm(query))
    return cosines

"""The exact rankings of `make evaluate`: one nested product for all four dimensions, against a product for each.

Both rank the same vectors for the same queries, take turns in one run and on one thread; the ratio is what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nova_mme_local.bench import judge

VECTORS, QUERIES = 20_000, 200
# The four products have 4,736 columns, the nested one has 3,072.
TARGET = 1.3
_ROUNDS = 5
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of CPU, the best round of each.

    :ivar ranking: all that `evaluate` does of it: products, the first ten at each dimension, a shortlist of 500.
    """

    nested: float
    apart: float
    ranking: float


def measure() -> None:
    """Print the table."""
    print(f"Exact rankings of {VECTORS:,} vectors for {QUERIES} queries, CPU seconds, best of {_ROUNDS}:")
    print(tabulate(compare(VECTORS, QUERIES)))


def tabulate(figures: Figures) -> str:
    """The lines of the table."""
    ratio = figures.apart / figures.nested
    return (
        f"  {'one nested product':<28}{figures.nested:>8.2f}\n"
        f"  {'four products':<28}{figures.apart:>8.2f}   {ratio:.2f} times, >= {TARGET:g}  {judge(ratio >= TARGET)}\n"
        f"  {'whole rankings, nested':<28}{figures.ranking:>8.2f}"
    )


def compare(vectors: int, queries: int) -> Figures:
    """Measure, in turns."""
    import numpy as np

    from nova_mme.evaluation.corpus import Corpus
    from nova_mme.evaluation.question import draw_questions
    from nova_mme.evaluation.ranking import rank

    matrix = np.random.default_rng(0).standard_normal((vectors, 3072), dtype=np.float32)
    keys = [f"{number:016x}/TEXT/0" for number in range(vectors)]
    corpus = Corpus(keys, matrix, np.arange(vectors, dtype=np.int32), vectors)
    questions = draw_questions(corpus, queries)
    ways: list[Callable[[], Any]] = [
        lambda: multiply_nested(questions.matrix, matrix),
        lambda: multiply_apart(questions.matrix, matrix),
        lambda: rank(corpus, questions, shortlist=500),
    ]
    rounds = [[_time(way) for way in ways] for _ in range(_ROUNDS)]
    return Figures(*(min(times) for times in zip(*rounds, strict=True)))


def multiply_nested(queries: Any, matrix: Any) -> dict[int, float]:
    """All scores as `evaluate` computes them, block by block; returns the largest at each dimension."""
    from nova_mme.evaluation.ranking import multiply

    largest: dict[int, float] = {}
    for start in range(0, len(matrix), _BLOCK):
        for dimension, scores in multiply(queries, matrix[start : start + _BLOCK]):
            largest[dimension] = max(largest.get(dimension, -9.0), float(scores.max()))
    return largest


def multiply_apart(queries: Any, matrix: Any) -> dict[int, float]:
    """The same by a product for each dimension, with lengths of its own."""
    import numpy as np

    from nova_mme.space import DIMENSIONS

    largest: dict[int, float] = {}
    for start in range(0, len(matrix), _BLOCK):
        for dimension in DIMENSIONS:
            rows = matrix[start : start + _BLOCK, :dimension]
            scores = queries[:, :dimension] @ rows.T / np.sqrt(np.einsum("ij,ij->i", rows, rows))
            largest[dimension] = max(largest.get(dimension, -9.0), float(scores.max()))
    return largest


def _time(way: Callable[[], Any]) -> float:
    begun = time.process_time()
    way()
    return time.process_time() - begun

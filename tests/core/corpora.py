"""Corpora of known structure for evaluations, and their rankings by brute force in float64."""

from __future__ import annotations

import numpy as np
from core.deployment import Deployment
from core.library import describe, open_registry, put
from numpy.typing import NDArray

from nova_mme.evaluation.assessment import Assessment
from nova_mme.evaluation.corpus import Corpus
from nova_mme.evaluation.evaluation import Evaluation, Extent
from nova_mme.evaluation.question import Questions, draw_questions
from nova_mme.source import object_id


def make_matrix(count: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Unit vectors in clusters, whose first numbers are larger, as those of a model with Matryoshka training are."""
    random = np.random.default_rng(seed)
    weights = (1.0 + np.arange(3072)) ** -0.35
    centres = random.standard_normal((8, 3072)) * weights
    matrix = 0.7 * centres[random.integers(0, 8, count)] + random.standard_normal((count, 3072)) * weights
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def make_corpus(count: int = 600, *, each: int = 3, seed: int = 0) -> Corpus:
    """Sources of a few segments each, in memory."""
    keys = [
        f"{object_id(f's3://media/{number // each}.txt')}/TEXT/{number % each}" for number in range(count)
    ]
    sources = np.arange(count, dtype=np.int32) // each
    return Corpus(keys, make_matrix(count, seed=seed).astype(np.float32), sources, count)


def make_questions(corpus: Corpus, count: int = 40) -> Questions:
    """Held-out vectors."""
    return draw_questions(corpus, count)


def rank_by_force(corpus: Corpus, questions: Questions, dimension: int) -> list[list[int]]:
    """All rows that may be found, best first, of each query: truncated, renormalised, multiplied, sorted."""
    stored, asked = (_shorten(matrix, dimension) for matrix in (corpus.matrix, questions.matrix))
    rankings = []
    for vector, own in zip(asked, questions.own, strict=True):
        order = np.argsort(-(stored @ vector), kind="stable")
        rankings.append([int(row) for row in order if corpus.sources[row] != own])
    return rankings


def _shorten(matrix: NDArray[np.float32], dimension: int) -> NDArray[np.float64]:
    prefix = matrix[:, :dimension].astype(np.float64)
    return prefix / np.linalg.norm(prefix, axis=1, keepdims=True)


def recall_by_force(found: list[list[int]], best: list[list[int]]) -> float:
    """Mean recall@10 of rankings."""
    shares = [len(set(one[:10]) & set(other[:10])) / 10 for one, other in zip(found, best, strict=True)]
    return sum(shares) / len(shares)


def stock_corpus(deployment: Deployment, count: int = 120, *, each: int = 2) -> NDArray[np.float64]:
    """Put clustered vectors of so many segments, a few of each source, into the four indexes."""
    matrix = make_matrix(count)
    documents = [
        describe(f"s3://media/{number // each}.txt", number % each, "TEXT") for number in range(count)
    ]
    put(deployment, documents, matrix)
    return matrix


def evaluate(deployment: Deployment, *, texts: list[str] | None = None, **extent: int) -> Assessment:
    """Evaluate a deployment."""
    return Evaluation(
        open_registry(deployment),
        deployment.s3vectors,
        deployment.bedrock,
        deployment.settings,
        texts or [],
        Extent(**extent),
    ).run()

"""recall@10 and how sure it is: ties, few candidates, and the bootstrap's interval."""

from __future__ import annotations

import numpy as np
import pytest
from core.corpora import make_corpus, make_questions

from nova_mme.evaluation.accuracy import average, measure_overlap, measure_recall, score
from nova_mme.evaluation.corpus import Corpus
from nova_mme.evaluation.ranking import Found, rank


def _found(rows: list[int], exact: list[float]) -> Found:
    return Found(np.asarray([rows]), np.asarray([exact], np.float32))


def test_what_is_as_near_as_the_last_counts() -> None:
    """Another copy of the tenth is no mistake; what is farther is one."""
    cosines = [0.9 - number / 100 for number in range(10)]
    best = _found(list(range(10)), cosines)

    copy = _found([*range(9), 77], cosines)
    rounded = _found([*range(9), 77], [*cosines[:9], cosines[9] - 5e-7])
    farther = _found([*range(9), 77], [*cosines[:9], cosines[9] - 1e-4])

    assert measure_recall(copy, best, np.asarray([10])).tolist() == [1.0]
    assert measure_recall(rounded, best, np.asarray([10])).tolist() == [1.0]
    assert measure_recall(farther, best, np.asarray([10])).tolist() == [0.9]


def test_copies_lose_nothing() -> None:
    """Every vector is there twenty times: which ten of them are found is chance, and all are right."""
    corpus = make_corpus(30, each=1)
    many = Corpus(
        [f"{key}{copy}" for copy in range(20) for key in corpus.keys],
        np.tile(corpus.matrix, (20, 1)),
        np.arange(600, dtype=np.int32),
        600,
    )
    ranking = rank(many, make_questions(many, 30), shortlist=20, block=111)

    assert measure_recall(ranking.flat[256], ranking.flat[3072], ranking.wanted).min() == 1.0


def test_overlap_knows_the_order() -> None:
    """The same ten in another order are not quite the same."""
    best = _found(list(range(10)), [1.0] * 10)

    assert measure_overlap(best, best).tolist() == pytest.approx([1.0])
    assert 0.5 < measure_overlap(_found(list(range(9, -1, -1)), [1.0] * 10), best)[0] < 0.9


def test_the_interval_is_that_of_the_normal_approximation() -> None:
    """For many values: mean and 1.96 standard errors to either side, within a tenth of its width."""
    values = np.random.default_rng(1).binomial(10, 0.8, 400) / 10

    mean = average(values)

    error = 1.96 * values.std() / 20
    assert mean.value == pytest.approx(values.mean())
    assert mean.low == pytest.approx(values.mean() - error, abs=error / 10)
    assert mean.high == pytest.approx(values.mean() + error, abs=error / 10)
    assert average(values) == mean


def test_values_that_are_all_the_same_have_no_interval() -> None:
    """A point, within rounding."""
    mean = average(np.ones(7))

    assert (mean.low, mean.high) == pytest.approx((1.0, 1.0))


def test_a_score_is_the_cosine_of_the_truncated() -> None:
    """At any dimension."""
    corpus = make_corpus(5)
    query, row = corpus.matrix[0, :384].astype(float), corpus.matrix[3, :384].astype(float)

    (cosine,) = score(corpus, corpus.matrix[0], np.asarray([3]), 384)

    assert cosine == pytest.approx(query @ row / np.linalg.norm(query) / np.linalg.norm(row))

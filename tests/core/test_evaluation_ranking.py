"""Exact rankings at all dimensions by one nested product: those that brute force in float64 gives."""

from __future__ import annotations

import numpy as np
import pytest
from core.corpora import make_corpus, make_questions, rank_by_force, recall_by_force

from nova_mme.evaluation.accuracy import measure_recall
from nova_mme.evaluation.corpus import Corpus
from nova_mme.evaluation.question import Questions
from nova_mme.evaluation.ranking import Leaders, multiply, rank
from nova_mme.space import DIMENSIONS


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Six hundred vectors of two hundred sources."""
    return make_corpus()


@pytest.fixture(scope="module")
def questions(corpus: Corpus) -> Questions:
    """Forty of them."""
    return make_questions(corpus)


@pytest.mark.parametrize("block", [7, 64, 1000])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_first_ten_are_those_of_brute_force(
    corpus: Corpus, questions: Questions, dimension: int, block: int
) -> None:
    """In the same order, whatever the size of the blocks."""
    ranking = rank(corpus, questions, shortlist=50, block=block)

    expected = [rows[:10] for rows in rank_by_force(corpus, questions, dimension)]
    assert ranking.flat[dimension].rows.tolist() == expected


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_recall_is_that_of_brute_force(corpus: Corpus, questions: Questions, dimension: int) -> None:
    """And less than all below 3072: the corpus is no easy one."""
    ranking = rank(corpus, questions, shortlist=50)

    recalls = measure_recall(ranking.flat[dimension], ranking.flat[3072], ranking.wanted)

    full, small = (rank_by_force(corpus, questions, size) for size in (3072, dimension))
    assert recalls.mean() == pytest.approx(recall_by_force(small, full), abs=1e-12)
    assert (recalls.mean() < 1) == (dimension != 3072)


@pytest.mark.parametrize("shortlist", [10, 20, 50])
@pytest.mark.parametrize("dimension", [1024, 3072])
def test_a_hierarchical_search_is_that_of_brute_force(
    corpus: Corpus, questions: Questions, dimension: int, shortlist: int
) -> None:
    """The first of the 256-d ranking, in the order of the larger vectors."""
    found = rank(corpus, questions, shortlist=50, block=64).search_hierarchically(dimension, shortlist)

    lists = rank_by_force(corpus, questions, 256)
    orders = rank_by_force(corpus, questions, dimension)
    expected = [
        [row for row in order if row in some[:shortlist]][:10]
        for order, some in zip(orders, lists, strict=True)
    ]
    assert found.rows.tolist() == expected


def test_the_scores_are_cosines(corpus: Corpus, questions: Questions) -> None:
    """At 3072, in float32."""
    scores = dict(multiply(questions.matrix, corpus.matrix))

    exact = questions.matrix.astype(np.float64) @ corpus.matrix.T.astype(np.float64)
    assert scores[3072].dtype == np.float32
    np.testing.assert_allclose(scores[3072], exact, atol=1e-6)


def test_no_query_finds_its_own_source(corpus: Corpus, questions: Questions) -> None:
    """Not at any dimension, nor in the shortlist."""
    ranking = rank(corpus, questions, shortlist=50, block=64)

    for found in (*ranking.flat.values(), ranking.shortlist):
        assert not (corpus.sources[found.rows] == questions.own[:, np.newaxis]).any()
    assert ranking.eligible.tolist() == [597] * 40


def test_what_is_not_there_has_no_row() -> None:
    """With seven vectors to be found, seven are wanted, and finding them is all of it."""
    corpus = make_corpus(8, each=1)
    ranking = rank(corpus, make_questions(corpus), shortlist=20, block=3)

    found = ranking.flat[256]

    assert (found.rows[:, :7] >= 0).all()
    assert found.rows[:, 7:].tolist() == [[-1] * 3] * 8
    assert np.isneginf(found.exact[:, 7:]).all()
    assert measure_recall(found, ranking.flat[3072], ranking.wanted).tolist() == [1.0] * 8
    hierarchical = ranking.search_hierarchically(1024, 20)
    assert measure_recall(hierarchical, ranking.flat[3072], ranking.wanted).tolist() == [1.0] * 8


def test_a_vector_whose_beginning_is_zero_is_far() -> None:
    """It has no direction at 256, and its score is that of a right angle, not a number that is none."""
    corpus = make_corpus(30, each=1)
    corpus.matrix[5, :256] = 0.0
    questions = make_questions(corpus, 3)

    scores = dict(multiply(questions.matrix, corpus.matrix))

    assert scores[256][:, 5].tolist() == [0.0] * 3
    assert np.isfinite(scores[384]).all()


def test_leaders_remember_the_highest_over_blocks() -> None:
    """With what is known besides of the same rows."""
    leaders = Leaders(1, 2, extras=1)
    leaders.offer([np.float32([[0.1, 0.9, 0.3]]), np.float32([[1, 2, 3]])], 0)
    leaders.offer([np.float32([[0.5, 0.2]]), np.float32([[4, 5]])], 3)
    leaders.sort()

    assert leaders.rows.tolist() == [[1, 3]]
    assert leaders.scores[1].tolist() == [[2, 4]]

"""Recall and rank overlap, and the figures made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from core.builders import make_vectors
from core.deployment import Deployment
from core.two_spaces import TwoSpaces, store

from nova_mme.migration.agreement import Agreement, Comparison, overlap, recall
from nova_mme.migration.neighbours import AgreementCheck, find_neighbours
from nova_mme.migration.query_set import DrawnQuery
from nova_mme.vector_key import VectorKey

_TEN = list("abcdefghij")


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        (_TEN, _TEN, 1.0),
        (_TEN[::-1], _TEN, 1.0),
        (list("abcde"), _TEN, 0.5),
        ([], _TEN, 0.0),
        (_TEN, ["a", "x"], 0.5),
        ([*"klmnopqrst", "a"], _TEN, 0.0),
    ],
)
def test_recall_is_the_share_of_the_wanted(found: list[str], wanted: list[str], expected: float) -> None:
    """Of the first ten, in any order; of as many as there are where there are fewer."""
    assert recall(found, wanted) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (_TEN, _TEN, 1.0),
        (_TEN, list("klmnopqrst"), 0.0),
        ([], _TEN, 0.0),
        ([], [], 0.0),
        # By hand: X = 0, 2; 0.1 / 0.9 * 0.81 + 0.81.
        (list("ab"), list("ba"), 0.9),
        # The shorter one is the beginning of the longer: nothing speaks against their going on alike.
        (list("a"), list("ab"), 1.0),
        (list("a"), list("abc"), 1.0),
        # X = 0, 1, and s = 1 shares nothing: 0.1 / 0.9 * (1 / 2) * 0.81 + (1 / 2) * 0.81.
        (list("b"), list("ab"), 0.45),
    ],
)
def test_overlap_has_the_values_of_its_formula(one: list[str], other: list[str], expected: float) -> None:
    """And is the same both ways."""
    assert math.isclose(overlap(one, other), expected, abs_tol=1e-12)
    assert math.isclose(overlap(other, one), expected, abs_tol=1e-12)


def test_overlap_weighs_the_top() -> None:
    """Two rankings that differ in the first places are less alike than two that differ in the last."""
    assert overlap(_TEN, list("xycdefghij")) < overlap(_TEN, list("abcdefghxy"))


def _compared(name: str, told: float | None, likeness: float, smaller: float = 0.5) -> Comparison:
    return Comparison(name, told, likeness, {} if told is None else {256: smaller, 384: 0.6, 1024: 0.7})


def test_means_are_of_the_queries_that_tell() -> None:
    """One that was skipped, or finds nothing in the old space, counts for nothing."""
    agreement = Agreement(sources=101)
    agreement.add(
        [_compared("a", 0.2, 0.1, 0.4), None, _compared("b", None, 0.0), _compared("c", 0.6, 0.5, 0.8)]
    )

    assert (agreement.asked, agreement.skipped) == (4, 1)
    assert agreement.recall == pytest.approx(0.4)
    assert agreement.overlap == pytest.approx(0.3)
    assert agreement.dimension_recall == pytest.approx({256: 0.6, 384: 0.6, 1024: 0.7})
    assert agreement.by_chance == pytest.approx(0.1)


def test_the_worst_come_first() -> None:
    """Ten at the most, the least overlap first among equals."""
    agreement = Agreement()
    agreement.add(_compared(f"q{number}", 0.5, number / 20) for number in range(12))
    agreement.add([_compared("low", 0.1, 0.9)])

    assert [item.name for item in agreement.worst] == ["low", *(f"q{number}" for number in range(9))]


def test_nothing_is_told_of_no_query() -> None:
    """And by chance everything is found where there is nothing else to find."""
    agreement = Agreement(sources=1)

    assert (agreement.recall, agreement.overlap, agreement.dimension_recall) == (None, None, {})
    assert agreement.by_chance == 1.0


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces, nothing in them."""
    two = TwoSpaces(deployment)
    two.new.store.ensure()
    return two


def test_a_source_of_many_segments_hides_no_other(two: TwoSpaces) -> None:
    """One call answers a hundred segments, and all of the first two are of one source: the others are asked for."""
    sources = [two.upload(f"{number}.txt", "text") for number in range(13)]
    vectors = make_vectors(len(sources))
    vectors[1] = vectors[0] + 0.1 * vectors[1]
    vectors[1] /= np.linalg.norm(vectors[1])
    store(two.old, sources[:2], vectors[:2], segments={"TEXT": 120})
    store(two.old, sources[2:], vectors[2:])

    found = find_neighbours(two.old, vectors[0])
    others = find_neighbours(two.old, vectors[0], left_out=sources[0].object_id)

    ranking = [sources[place].object_id for place in np.argsort(-(vectors @ vectors[0]))]
    assert len(set(found)) == len(found)
    assert list(dict.fromkeys(key.object_id for key in found))[:10] == ranking[:10]
    assert list(dict.fromkeys(key.object_id for key in others))[:10] == ranking[1:11]


def test_a_query_without_a_vector_is_skipped(two: TwoSpaces) -> None:
    """It was deleted since it was drawn; the others are asked."""
    sources = [two.upload(f"{number}.txt", "text") for number in range(3)]
    for side in (two.old, two.new):
        store(side, sources, make_vectors(3))
    two.new.store.delete([f"{sources[0].object_id}/TEXT/0"])
    queries = [DrawnQuery(source.uri, VectorKey(source.object_id, "TEXT", 0)) for source in sources]

    check = AgreementCheck(two.old, two.new, two.deployment.s3, two.deployment.bedrock)
    agreement = check.run(queries, sources=3, given=False)

    assert (agreement.asked, agreement.skipped, len(agreement.recalls)) == (3, 1, 2)
    assert agreement.recall == pytest.approx(
        0.5
    )  # of the two others that the old space finds, the new one has one
    assert agreement.names == {source.object_id: source.uri for source in sources}

"""Answers side by side: the five ways, and what they have in common."""

from __future__ import annotations

from core.deployment import Deployment
from core.library import ask, open_searcher, stock

from nova_mme.search.answer import Answer
from nova_mme.search.comparison import WAYS, compare_answers, overlap
from nova_mme.search.grouping import Result
from nova_mme.search.request import Strategy, Way


def _answer(*names: str) -> Answer:
    results = tuple(Result(name, (), {}) for name in names)
    return Answer(results, "space", Way(), "", (), 0, True, 0.0)


def test_the_five_ways() -> None:
    """Every index, and the shortlist that is scored at the largest."""
    assert [(way.strategy, way.dimension) for way in WAYS] == [
        (Strategy.FLAT, 256),
        (Strategy.FLAT, 384),
        (Strategy.FLAT, 1024),
        (Strategy.FLAT, 3072),
        (Strategy.HIERARCHICAL, 3072),
    ]


def test_an_overlap_is_the_common_share_of_the_longer_answer() -> None:
    """In any order; two empty answers agree."""
    assert overlap(_answer("a", "b", "c", "d"), _answer("c", "a")) == 0.5
    assert overlap(_answer("a"), _answer("b")) == 0.0
    assert overlap(_answer(), _answer()) == 1.0
    assert overlap(_answer("a"), _answer()) == 0.0


def test_answers_are_compared_as_json(deployment: Deployment) -> None:
    """Each in full, and a symmetric square of shares."""
    stock(deployment, 4)

    told = compare_answers(open_searcher(deployment).compare(ask(top_k=2), WAYS))

    assert [len(answer["results"]) for answer in told["answers"]] == [2] * 5
    assert [row[number] for number, row in enumerate(told["overlaps"])] == [1.0] * 5
    assert told["overlaps"] == [list(column) for column in zip(*told["overlaps"], strict=True)]

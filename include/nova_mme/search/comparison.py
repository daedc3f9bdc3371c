"""The same query searched several ways, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nova_mme.search.answer import Answer
from nova_mme.search.request import RESCORING_DIMENSIONS, Strategy, Way
from nova_mme.space import DIMENSIONS

# Each index, and the hierarchical search that ends where the largest index would.
WAYS = (
    *(Way(dimension=dimension) for dimension in sorted(DIMENSIONS)),
    Way(strategy=Strategy.HIERARCHICAL, dimension=max(RESCORING_DIMENSIONS)),
)


def compare_answers(answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers for JSON, and ``overlaps``: row i, column j is what :func:`overlap` says of answers i and j."""
    return {
        "answers": [answer.as_document() for answer in answers],
        "overlaps": [[overlap(one, other) for other in answers] for one in answers],
    }


def overlap(one: Answer, other: Answer) -> float:
    """The share of sources that two answers have in common, 0 to 1, of the longer one's; 1 of two empty ones."""
    ours, theirs = ({result.object_id for result in answer.results} for answer in (one, other))
    longest = max(len(ours), len(theirs))
    return len(ours & theirs) / longest if longest else 1.0

"""What a search answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nova_mme.search.grouping import Result
from nova_mme.search.request import Way
from nova_mme.search.retrieval import Stage


@dataclass(frozen=True, slots=True)
class Answer:
    """Sources that were found, best first, and how.

    A score is the cosine similarity of query and segment, -1 to 1: 1 - distance. Scores of different queries, and
    of different spaces, cannot be compared.

    :ivar space: the name of the space that was searched: the one that was active when the search began.
    :ivar purpose: what the query was embedded for; empty for a stored source, which was not embedded again.
    :ivar looked_at: how many segments S3 Vectors named on the way.
    :ivar is_complete: whether there are as many results as were wanted, or no more that would fit; if not, the
        bound of pages, or the shortlist, ended the search.
    :ivar seconds: from the pointer to the last result.
    """

    results: tuple[Result, ...]
    space: str
    way: Way
    purpose: str
    stages: tuple[Stage, ...]
    looked_at: int
    is_complete: bool
    seconds: float

    def as_document(self) -> dict[str, Any]:
        """The answer for JSON."""
        return {
            "space": self.space,
            "strategy": self.way.strategy.value,
            "dimension": self.way.dimension,
            "purpose": self.purpose,
            "score": "cosine similarity (1 - distance)",
            "results": [result.as_document() for result in self.results],
            "stages": [asdict(stage) for stage in self.stages],
            "looked_at": self.looked_at,
            "is_complete": self.is_complete,
            "seconds": self.seconds,
        }

    def as_context(self) -> list[dict[str, Any]]:
        """The spans for a language model to read, best source first: ``id``, ``text``, ``uri``, ``span``.

        The id is the best segment's key; the text of other than text is empty.
        """
        return [
            {"id": span.key, "text": span.text, "uri": result.uri, "span": span.place()}
            for result in self.results
            for span in result.spans
        ]

"""Searches that are really made: how long they take, and what the service, which may be approximate, answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme.evaluation.accuracy import TOLERANCE, score
from nova_mme.evaluation.corpus import Corpus
from nova_mme.evaluation.question import Questions
from nova_mme.evaluation.ranking import Found, Ranking
from nova_mme.migration.agreement import DEPTH
from nova_mme.search.condition import Equals
from nova_mme.search.query import TextQuery
from nova_mme.search.request import Request, Strategy, Way
from nova_mme.search.retrieval import Retrieval
from nova_mme.space import FULL_DIMENSION

_SLOW = 95


@dataclass(slots=True)
class Trial:
    """What one way to search took and gave, search by search.

    :ivar wall: seconds by the clock; ``cpu``: of this process.
    :ivar served: recall@10 of what the service found against the exact 3072-d ranking; empty over a sample, which
        does not tell what there is to be found.
    :ivar faithful: the same against the exact ranking of this way: what the service's approximation costs.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    faithful: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Milliseconds by the clock."""
        return float(np.median(self.wall)) * 1000

    @property
    def slow_ms(self) -> float:
        """The 95th percentile by the clock, in milliseconds."""
        return float(np.percentile(self.wall, _SLOW)) * 1000

    @property
    def cpu_ms(self) -> float:
        """The median CPU time of this process, in milliseconds."""
        return float(np.median(self.cpu)) * 1000


@dataclass(frozen=True, slots=True)
class Trials:
    """Makes searches one after the other, as a person's would be, and compares what comes with what should.

    The query is embedded already: the times are those of S3 Vectors, of the way to it and of reading the answer.
    """

    retrieval: Retrieval
    corpus: Corpus
    questions: Questions
    ranking: Ranking

    def run(self, ways: Mapping[str, Way], count: int) -> dict[str, Trial]:
        """Search with the first ``count`` queries, each every way.

        :param ways: by name.
        :raises IndexMismatch: when an index holds vectors of another space.
        :raises ClientError: what S3 Vectors answers.
        """
        trials = {name: Trial() for name in ways}
        rows = {key: row for row, key in enumerate(self.corpus.keys)} if self.corpus.is_whole else {}
        for (
            way
        ) in ways.values():  # the first call of each kind builds botocore's rules and opens the connections
            self._search(0, way)
        for number in range(min(count, len(self.questions))):
            for name, way in ways.items():  # query by query: whatever slows the machine down slows every way
                keys = self._time(number, way, trials[name])
                if self.corpus.is_whole:
                    found = [
                        rows[key] for key in keys if key in rows
                    ]  # what has arrived since is passed over
                    self._compare(number, way, found, trials[name])
        return trials

    def _time(self, number: int, way: Way, trial: Trial) -> list[str]:
        begun, start = time.process_time(), time.perf_counter()
        keys = self._search(number, way)
        trial.wall.append(time.perf_counter() - start)
        trial.cpu.append(time.process_time() - begun)
        return keys

    def _search(self, number: int, way: Way) -> list[str]:
        left_out = self.questions.left_out[number]
        condition = Equals("id", left_out, negated=True) if left_out else None
        request = Request(query=TextQuery(self.questions.names[number]), way=way, condition=condition)
        return [hit.key for hit in self.retrieval.run(request, way, self.questions.matrix[number]).hits]

    def _compare(self, number: int, way: Way, found: Sequence[int], trial: Trial) -> None:
        own = self.questions.own[
            number
        ]  # should the filter ever fail, what it let through counts for nothing
        found = [row for row in found if self.corpus.sources[row] != own]
        trial.served.append(self._recall(number, found, self.ranking.flat[FULL_DIMENSION], FULL_DIMENSION))
        trial.faithful.append(self._recall(number, found, find_exactly(self.ranking, way), way.dimension))

    def _recall(self, number: int, found: Sequence[int], best: Found, dimension: int) -> float:
        wanted = int(self.ranking.wanted[number])
        last = self._score(number, best.rows[number, :wanted], dimension).min()
        near = self._score(number, np.asarray(found[:DEPTH], np.intp), dimension) >= last - TOLERANCE
        return min(int(np.count_nonzero(near)), wanted) / wanted

    def _score(self, number: int, rows: NDArray[Any], dimension: int) -> NDArray[np.float64]:
        return score(self.corpus, self.questions.matrix[number], rows, dimension)


def find_exactly(ranking: Ranking, way: Way) -> Found:
    """What a way to search would find if the service were exact."""
    if way.strategy is Strategy.FLAT:
        return ranking.flat[way.dimension]
    return ranking.search_hierarchically(way.dimension, way.shortlist)

"""Evaluates a deployment: reads the active space's vectors, ranks them exactly, and searches for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nova_mme.errors import BadSetting
from nova_mme.evaluation.accuracy import Mean, Values, average, measure_overlap, measure_recall
from nova_mme.evaluation.assessment import Assessment, Figure, Query, choose_ways, name_way
from nova_mme.evaluation.corpus import Corpus, read_corpus
from nova_mme.evaluation.question import Questions, draw_questions, embed_questions
from nova_mme.evaluation.ranking import Ranking, rank
from nova_mme.evaluation.trial import Trial, Trials, find_exactly
from nova_mme.migration.agreement import DEPTH
from nova_mme.search.query_file import MAX_QUERIES
from nova_mme.search.request import DEFAULT_SHORTLIST, RESCORING_DIMENSIONS, Strategy, Way
from nova_mme.search.retrieval import Retrieval
from nova_mme.settings import Settings
from nova_mme.space import FULL_DIMENSION, Space
from nova_mme.space_registry import SpaceRegistry
from nova_mme.store import VectorStore

# The lengths of a shortlist that are compared: their rankings cost no call.
SHORTLISTS = (20, 50, 100, 200, 500)
MAX_SAMPLE = 1_000_000
MAX_SHORTLIST = 1000
_WORST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is looked at.

    :ivar sample: vectors that the exact rankings are of at the most; 20,000 take 234 MiB, and 200 GetVectors.
    :ivar queries: how many are drawn when no file is given, 1 to 1,000.
    :ivar shortlist: of the hierarchical searches, 10 to 1,000.
    :ivar timed: with how many queries each way is really searched; 0 makes no search.
    """

    sample: int = 20_000
    queries: int = 200
    shortlist: int = DEFAULT_SHORTLIST
    timed: int = 50

    def __post_init__(self) -> None:
        _check("sample", self.sample, 1, MAX_SAMPLE)
        _check("queries", self.queries, 1, MAX_QUERIES)
        _check("shortlist", self.shortlist, DEPTH, MAX_SHORTLIST)
        _check("timed", self.timed, 0, MAX_QUERIES)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadSetting(f"{name} is {value}; it can be {low:,} to {high:,}.")


@dataclass(slots=True)
class Evaluation:
    """One evaluation of the active space.

    :ivar s3vectors, bedrock: boto3 clients; ``bedrock`` is called for given texts only.
    :ivar texts: the queries; empty: vectors of the corpus are held out.
    :ivar folder: where a large block of vectors lies meanwhile; None for the system's own place.
    :ivar told: called with a part's name, and how much of it is done, of how much.
    """

    registry: SpaceRegistry
    s3vectors: Any
    bedrock: Any
    settings: Settings
    texts: Sequence[str] = ()
    extent: Extent = field(default_factory=Extent)
    folder: Path | None = None
    told: Callable[[str, int, int], None] = lambda part, done, total: None
    _seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> Assessment:
        """Evaluate; nothing is changed.

        :raises BadSetting: for a deployment that is not set up, or where there is nothing to rank.
        :raises IndexMismatch: when an index holds vectors of another space.
        :raises ClientError: what AWS answers otherwise.
        """
        started, space = time.time(), self.registry.find_active()
        corpus = self._read(space)
        questions = self._find_questions(corpus, space)
        with self._part("rank"):
            longest = max(*SHORTLISTS, self.extent.shortlist)
            ranking = rank(corpus, questions, shortlist=longest)
        trials = self._search(corpus, questions, ranking, space)
        ways = choose_ways(self.extent.shortlist)
        recalls = {name_way(way): _measure(ranking, way) for way in ways}
        return Assessment(
            space=space.name,
            endpoint=self.s3vectors.meta.endpoint_url,
            started=int(started),
            total=corpus.total,
            taken=len(corpus),
            sources=corpus.source_count,
            queries=len(questions),
            given=questions.given,
            by_chance=float((ranking.wanted / ranking.eligible).mean()),
            shortlist=self.extent.shortlist,
            figures=[
                _figure(ranking, way, values, trials.get(name))
                for way, (name, values) in zip(ways, recalls.items(), strict=True)
            ],
            sweep=_sweep(ranking, self.extent.shortlist),
            worst=_find_worst(questions, recalls),
            seconds=self._seconds,
        )

    def _read(self, space: Space) -> Corpus:
        store = VectorStore(self.s3vectors, self.settings.vector_bucket, space)
        with self._part("read"):
            return read_corpus(
                store,
                most=self.extent.sample,
                folder=self.folder,
                told=lambda done, total: self.told("read", done, total),
            )

    def _find_questions(self, corpus: Corpus, space: Space) -> Questions:
        if self.texts:
            with self._part("embed"):
                return embed_questions(self.texts, bedrock=self.bedrock, space=space)
        if corpus.source_count < 2:
            raise BadSetting(
                "All vectors are of one source, and a source is not looked for with itself: there is nothing to rank. "
                "Embed more, or give a file of queries."
            )
        return draw_questions(corpus, self.extent.queries)

    def _search(
        self, corpus: Corpus, questions: Questions, ranking: Ranking, space: Space
    ) -> dict[str, Trial]:
        if not self.extent.timed:
            return {}
        retrieval = Retrieval(self.s3vectors, self.settings.vector_bucket, space, self.settings.source_uri)
        ways = {name_way(way): way for way in choose_ways(self.extent.shortlist)}
        with self._part("search"):
            return Trials(retrieval, corpus, questions, ranking).run(ways, self.extent.timed)

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        self.told(name, 0, 0)
        start = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - start, 3)


def _measure(ranking: Ranking, way: Way) -> Values:
    return measure_recall(find_exactly(ranking, way), ranking.flat[FULL_DIMENSION], ranking.wanted)


def _figure(ranking: Ranking, way: Way, values: Values, trial: Trial | None) -> Figure:
    likeness = measure_overlap(find_exactly(ranking, way), ranking.flat[FULL_DIMENSION])
    return Figure(name_way(way), way, average(values), float(likeness.mean()), trial)


def _sweep(ranking: Ranking, shortlist: int) -> dict[int, dict[int, Mean]]:
    return {
        length: {
            dimension: average(
                _measure(ranking, Way(strategy=Strategy.HIERARCHICAL, dimension=dimension, shortlist=length))
            )
            for dimension in RESCORING_DIMENSIONS
        }
        for length in sorted({*SHORTLISTS, shortlist})
    }


def _find_worst(questions: Questions, recalls: dict[str, Values]) -> list[Query]:
    """Those with the least recall over all ways; none that has lost nothing."""
    means = np.mean(list(recalls.values()), axis=0)
    order = np.argsort(means, kind="stable")[:_WORST]
    return [
        Query(questions.names[row], {name: float(values[row]) for name, values in recalls.items()})
        for row in order
        if means[row] < 1
    ]

"""Searches while the pointer moves: each reads one space or the other, whole, and none fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from core.deployment import Deployment, open_client, open_dynamodb
from core.library import CATS, HIERARCHICAL, open_registry
from core.two_spaces import NEXT, TwoSpaces

from nova_mme.search.answer import Answer
from nova_mme.search.request import Request, Way
from nova_mme.search.searcher import Searcher
from nova_mme.space_member import State
from nova_mme.space_registry import SpaceRegistry

_SEARCHERS = 4
_SOURCES = 12
# So many searches must have met a move of the pointer, and it moves there and back so often at most.
_MET = 20
_TRIPS = 300


@dataclass(frozen=True)
class Met:
    """A search, flat and hierarchical.

    :ivar moved: whether the pointer was elsewhere when it ended.
    """

    answers: list[Answer]
    moved: bool


@dataclass(frozen=True)
class Person:
    """Searches, with clients of its own, as another process would."""

    deployment: Deployment
    searches: list[Met] = field(default_factory=list)

    def go_on(self, end: threading.Event) -> None:
        """Search until the end."""
        url, settings = self.deployment.aws.url, self.deployment.settings
        registry = SpaceRegistry(open_dynamodb(url), settings.ledger_table, settings.space)
        searcher = Searcher(
            registry, open_client(url, "s3vectors"), open_client(url, "bedrock-runtime"), settings
        )
        request = Request(query=CATS, top_k=_SOURCES)
        while not end.is_set():
            answers = searcher.compare(request, [Way(), HIERARCHICAL])
            self.searches.append(Met(answers, registry.read().active.space.name != answers[0].space))


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces with the same sources."""
    return TwoSpaces(deployment).fill(_SOURCES)


@pytest.fixture
def registry(two: TwoSpaces) -> SpaceRegistry:
    """The second space is built."""
    registry = open_registry(two.deployment)
    registry.build(NEXT, {})
    return registry


@contextmanager
def searching(deployment: Deployment) -> Iterator[list[Met]]:
    """Several people search all the time within the block; what has failed of it is raised at its end."""
    end = threading.Event()
    searches: list[Met] = []
    with ThreadPoolExecutor(_SEARCHERS) as threads:
        begun = [threads.submit(Person(deployment, searches).go_on, end) for _ in range(_SEARCHERS)]
        try:
            yield searches
        finally:
            end.set()
    for one in begun:
        one.result()


def has_met_enough(searches: list[Met], spaces: set[str]) -> bool:
    """Whether searches of each of the spaces have met moves."""
    moved = [one.answers[0].space for one in searches if one.moved]
    return len(moved) >= _MET and set(moved) == spaces


def test_every_search_reads_one_whole_space(two: TwoSpaces, registry: SpaceRegistry) -> None:
    """While the pointer goes forth and back: all sources are found each time, in one space, and nothing fails."""
    first = two.old.store.space.name

    with searching(two.deployment) as searches:
        for _ in range(_TRIPS):
            registry.note_gate(NEXT.name, {"passed": True, "at": 1, "report_uri": "s3://output/gate.html"})
            assert registry.cut_over(NEXT.name, keep_days=1).active_name == NEXT.name
            assert registry.roll_back(keep_days=1).active_name == first
            if has_met_enough(searches, {first, NEXT.name}):
                break

    wanted = {source.object_id for source in two.sources}
    for answers in (one.answers for one in searches):
        found = [result for answer in answers for result in answer.results]
        assert {result.metadata["space"] for result in found} == {answer.space for answer in answers}
        assert len({answer.space for answer in answers}) == 1
        assert all({result.object_id for result in answer.results} == wanted for answer in answers)
    assert has_met_enough(searches, {first, NEXT.name})
    states = {name: member.state for name, member in registry.read().members.items()}
    assert states == {first: State.ACTIVE, NEXT.name: State.KEPT}

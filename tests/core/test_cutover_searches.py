"""Searches while the pointer moves: each reads one space or the other, whole, and none fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from core.deployment import Deployment, open_client, open_dynamodb
from core.two_spaces import NEXT, TwoSpaces

from nova_mme.search import Hit, TextQuery, search
from nova_mme.space_member import State
from nova_mme.space_registry import SpaceRegistry

_SEARCHERS = 4
_SOURCES = 12
# So many searches must have met a move of the pointer, and it moves there and back so often at most.
_MET = 20
_TRIPS = 300


@dataclass(frozen=True)
class Answer:
    """What one search has found.

    :ivar met: whether the pointer has moved while it searched.
    """

    space: str
    hits: list[Hit]
    met: bool


@dataclass(frozen=True)
class Searcher:
    """Searches by way of the pointer, with clients of its own, as another process would."""

    deployment: Deployment
    answers: list[Answer] = field(default_factory=list)

    def go_on(self, end: threading.Event) -> None:
        """Search until the end."""
        url = self.deployment.aws.url
        bedrock, s3vectors = (open_client(url, name) for name in ("bedrock-runtime", "s3vectors"))
        registry = SpaceRegistry(open_dynamodb(url), "ledger", self.deployment.settings.space)
        while not end.is_set():
            spaces = registry.read()
            hits = search(
                TextQuery("cats that we love"),
                bedrock=bedrock,
                s3vectors=s3vectors,
                vector_bucket="vectors",
                space=spaces.active.space,
                top_k=_SOURCES,
            )
            met = registry.read().version > spaces.version
            self.answers.append(Answer(spaces.active.space.name, hits, met))


@pytest.fixture
def two(deployment: Deployment) -> TwoSpaces:
    """Two spaces with the same sources."""
    return TwoSpaces(deployment).fill(_SOURCES)


@pytest.fixture
def registry(two: TwoSpaces) -> SpaceRegistry:
    """The second space has passed its gate."""
    registry = SpaceRegistry(two.deployment.dynamodb, "ledger", two.deployment.settings.space)
    registry.build(NEXT, {})
    registry.note_gate(NEXT.name, {"passed": True, "at": 1, "report_uri": "s3://output/gate.html"})
    return registry


@contextmanager
def searching(deployment: Deployment) -> Iterator[list[Answer]]:
    """Several search all the time within the block; what has failed of them is raised at its end."""
    end = threading.Event()
    answers: list[Answer] = []
    with ThreadPoolExecutor(_SEARCHERS) as threads:
        begun = [threads.submit(Searcher(deployment, answers).go_on, end) for _ in range(_SEARCHERS)]
        try:
            yield answers
        finally:
            end.set()
    for one in begun:
        one.result()


def has_met_enough(answers: list[Answer], spaces: set[str]) -> bool:
    """Whether searches of each of the spaces have met moves."""
    met = [answer.space for answer in answers if answer.met]
    return len(met) >= _MET and set(met) == spaces


def test_every_search_reads_one_whole_space(two: TwoSpaces, registry: SpaceRegistry) -> None:
    """While the pointer goes forth and back: all sources are found each time, in one space, and nothing fails."""
    first = two.old.store.space.name

    with searching(two.deployment) as answers:
        for _ in range(_TRIPS):
            assert registry.cut_over(NEXT.name, keep_days=1).active_name == NEXT.name
            assert registry.roll_back(keep_days=1).active_name == first
            if has_met_enough(answers, {first, NEXT.name}):
                break

    wanted = {source.object_id for source in two.sources}
    for answer in answers:
        assert {hit.metadata["space"] for hit in answer.hits} == {answer.space}
        assert {hit.metadata["objectId"] for hit in answer.hits} == wanted
    assert has_met_enough(answers, {first, NEXT.name})
    states = {name: member.state for name, member in registry.read().members.items()}
    assert states == {first: State.ACTIVE, NEXT.name: State.KEPT}

"""Retirement: a space whose days are over goes with its indexes and rows, and nothing else goes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from core.deployment import Deployment
from core.stocked import after_call
from core.two_spaces import NEXT, TwoSpaces, open_side

from nova_mme.errors import BadSetting
from nova_mme.migration.campaign import Campaign
from nova_mme.migration.coverage import Side
from nova_mme.migration.retirement import retire_due
from nova_mme.space import DIMENSIONS, Space
from nova_mme.space_member import State
from nova_mme.space_registry import SpaceRegistry

_DAY = 24 * 3600


@dataclass
class Moved:
    """A deployment whose searches were moved to its second space; the first one is kept for 30 days."""

    two: TwoSpaces
    now: float = 1_700_000_000.0

    def __post_init__(self) -> None:
        self.registry.build(NEXT, {})
        self.registry.cut_over(NEXT.name, keep_days=30, force=True)

    @property
    def registry(self) -> SpaceRegistry:
        """Its spaces, on the test's time."""
        deployment = self.two.deployment
        return SpaceRegistry(deployment.dynamodb, "ledger", deployment.settings.space, lambda: self.now)

    @property
    def first(self) -> str:
        """The first space's name."""
        return self.two.old.store.space.name

    def side(self, space: Space) -> Side:
        """One of the spaces."""
        return open_side(self.two.deployment, space)

    def wait(self, days: float) -> Moved:
        """Let days go by."""
        self.now += days * _DAY
        return self

    def retire(self) -> list[str]:
        """Delete what is due."""
        return retire_due(
            self.registry,
            store_of=lambda space: self.side(space).store,
            ledger_of=lambda space: self.side(space).ledger,
        )

    def indexes(self) -> set[str]:
        """All indexes that are there."""
        pages = self.two.deployment.s3vectors.get_paginator("list_indexes").paginate(
            vectorBucketName="vectors"
        )
        return {index["indexName"] for page in pages for index in page["indexes"]}

    def found(self, side: Side) -> tuple[int, int]:
        """How many of a space's indexes are there, and of its rows."""
        names = {side.store.space.index_name(dimension) for dimension in DIMENSIONS}
        return len(names & self.indexes()), len(list(side.ledger.scan()))


@pytest.fixture
def moved(deployment: Deployment) -> Moved:
    """With three sources in both spaces."""
    return Moved(TwoSpaces(deployment).fill(3))


def test_nothing_goes_before_its_days(moved: Moved) -> None:
    """Not an hour before."""
    assert moved.wait(30 - 1 / 24).retire() == []

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((4, 3), (4, 3))
    assert moved.registry.read().previous_name == moved.first


def test_a_space_goes_after_its_days(moved: Moved) -> None:
    """Indexes, rows and name; the active one stays whole, and so does what else the table holds."""
    campaign = Campaign(moved.two.deployment.dynamodb, "ledger", "backfill_embeddings/r1")
    campaign.open(3, limit_usd=None)

    assert moved.wait(30).retire() == [moved.first]

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((0, 0), (4, 3))
    assert set(moved.registry.read().members) == {NEXT.name}
    assert campaign.progress().planned == 3
    assert moved.retire() == []


def test_the_active_space_never_goes(moved: Moved) -> None:
    """However long it is active, and whatever was said of its days before."""
    moved.registry.roll_back(keep_days=30)

    assert moved.wait(3650).retire() == [NEXT.name]

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((4, 3), (0, 0))


def test_a_space_that_is_being_built_stays(moved: Moved) -> None:
    """It was taken up again after it was given up."""
    moved.registry.build(moved.two.old.store.space, {})

    assert moved.wait(3650).retire() == []

    assert moved.found(moved.two.old) == (4, 3)


def test_a_space_that_becomes_active_at_this_moment_stays(moved: Moved) -> None:
    """Somebody rolls back after it was read that its days are over."""
    moved.wait(30)
    client = moved.two.deployment.dynamodb_client

    with after_call(client, "GetItem", lambda: moved.registry.roll_back(keep_days=30)):
        assert moved.retire() == []

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((4, 3), (4, 3))
    assert moved.registry.read().active_name == moved.first


@pytest.mark.parametrize(
    "faults",
    [
        [
            {"operation": "s3vectors.DeleteIndex", "delay_seconds": 0.001, "times": 2},
            {"operation": "s3vectors.DeleteIndex", "code": "InternalServerException", "status": 500},
        ],
        [{"operation": "dynamodb.Scan", "code": "InternalServerError", "status": 500}],
        [{"operation": "dynamodb.BatchWriteItem", "code": "InternalServerError", "status": 500}],
        [{"operation": "dynamodb.BatchWriteItem", "drop_connection": True, "after": True}],
    ],
    ids=["index", "scan", "rows", "answer"],
)
def test_a_deletion_that_was_broken_off_goes_on(moved: Moved, faults: list[dict[str, object]]) -> None:
    """Nobody can make it active in between; the next call brings it to its end."""
    moved.wait(30).two.deployment.put_faults(*faults)
    with pytest.raises((ClientError, BotoCoreError)):
        moved.retire()
    assert moved.registry.read().get(moved.first).state is State.DELETING
    with pytest.raises(BadSetting, match="being deleted"):
        moved.registry.roll_back(keep_days=1)

    moved.two.deployment.put_faults()
    assert moved.retire() == [moved.first]

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((0, 0), (4, 3))
    assert set(moved.registry.read().members) == {NEXT.name}


def test_two_at_once_are_no_trouble(moved: Moved) -> None:
    """One finds what the other has deleted already."""
    client = moved.wait(30).two.deployment.s3vectors
    also: list[str] = []

    with after_call(client, "GetIndex", lambda: also.extend(moved.retire())):
        assert moved.retire() == also == [moved.first]

    assert (moved.found(moved.two.old), moved.found(moved.two.new)) == ((0, 0), (4, 3))


def test_a_space_without_indexes_goes_too(moved: Moved) -> None:
    """It was given up before they were made, or somebody has deleted them by hand."""
    other = Space("amazon.other-v3:0", first=False)
    moved.registry.build(other, {})
    moved.registry.retire(other.name, keep_days=0)

    assert moved.retire() == [other.name]

"""Two writers of the one item that tells of all spaces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core.deployment import Deployment

from nova_mme.errors import Unfinished
from nova_mme.space import NOVA_MODEL_ID, Space
from nova_mme.space_member import Spaces, State
from nova_mme.space_registry import KEY, SpaceRegistry

_FIRST = Space(NOVA_MODEL_ID, "test")
_NEXT = Space("amazon.next-v2:0", first=False)


@pytest.fixture
def registry(empty: Deployment) -> SpaceRegistry:
    """Of a deployment that has its table and nothing else."""
    empty.ledger.ensure()
    return SpaceRegistry(empty.dynamodb, "ledger", _FIRST)


def test_two_changes_at_once_both_happen(registry: SpaceRegistry) -> None:
    """One of them meets the other's, reads again, and decides anew."""
    registry.ensure()
    meddled = []

    def meddle(**_: Any) -> None:
        if not meddled:
            meddled.append(True)
            registry.retire("next-v2-0", keep_days=1)

    registry.build(_NEXT, {})
    events = registry.dynamodb.meta.client.meta.events
    events.register("before-call.dynamodb.PutItem", meddle)
    try:
        spaces = registry.note_gate("next-v2-0", {"passed": True, "at": 1, "report_uri": ""})
    finally:
        events.unregister("before-call.dynamodb.PutItem", meddle)

    assert spaces.members["next-v2-0"].gate["passed"]
    assert spaces.get("next-v2-0").state is State.KEPT
    assert registry.read() == spaces


def test_whoever_never_gets_a_turn_says_so(registry: SpaceRegistry) -> None:
    """For the task to try again."""
    stuck = replace(registry.ensure(), version=7)
    registry.dynamodb.Table("ledger").put_item(Item={**KEY, **stuck.dump()})

    class Late(SpaceRegistry):
        def read(self) -> Spaces:
            return replace(SpaceRegistry.read(self), version=6)

    with pytest.raises(Unfinished, match="changed by somebody else"):
        Late(registry.dynamodb, "ledger", _FIRST).build(_NEXT, {})

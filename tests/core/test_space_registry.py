"""The spaces of a deployment: one item, changed by one conditional write at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from core.deployment import Deployment

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.space import NOVA_MODEL_ID, Space
from nova_mme.space_member import Spaces, State
from nova_mme.space_registry import KEY, SpaceRegistry

_FIRST = Space(NOVA_MODEL_ID, "test")
_NEXT = Space("amazon.next-v2:0", first=False)
_OTHER = Space("amazon.other-v3:0", first=False)
_DAY = 24 * 3600


@dataclass
class Clock:
    """A clock that stands still until it is told."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Some day in 2023."""
    return Clock()


@pytest.fixture
def registry(empty: Deployment, clock: Clock) -> SpaceRegistry:
    """Of a deployment that has its table and nothing else."""
    empty.ledger.ensure()
    return SpaceRegistry(empty.dynamodb, "ledger", _FIRST, clock)


def states(spaces: Spaces) -> dict[str, State]:
    """What each space is for."""
    return {name: member.state for name, member in spaces.members.items()}


def ready(registry: SpaceRegistry, space: Space = _NEXT) -> SpaceRegistry:
    """With a space that was built and has passed its gate."""
    registry.build(space, {})
    registry.note_gate(space.name, {"passed": True, "at": 1, "report_uri": "s3://output/gate.html"})
    return registry


def test_before_there_is_an_item_the_settings_decide(registry: SpaceRegistry) -> None:
    """A deployment that never changed its model has one space, and reading it writes nothing."""
    spaces = registry.read()

    assert (spaces.active.space, spaces.building, spaces.version) == (_FIRST, None, 0)
    assert "Item" not in registry.dynamodb.Table("ledger").get_item(Key=KEY)
    assert registry.ensure().version == 1
    assert registry.ensure().version == 1


def test_a_space_is_built_beside_the_active_one(registry: SpaceRegistry) -> None:
    """Searches stay where they are; its indexes have names of their own."""
    spaces = registry.build(_NEXT, {Modality.VIDEO: Recipe.standard(Modality.VIDEO, segment=10)})

    assert states(spaces) == {_FIRST.name: State.ACTIVE, "next-v2-0": State.BUILDING}
    assert spaces.active.space == _FIRST
    read = registry.read()
    assert read == spaces
    assert read.building is not None
    assert read.building.space.index_name(256) == "embeddings-next-v2-0-256d"
    assert read.building.recipe(Modality.VIDEO).segment == 10
    assert read.building.recipe(Modality.TEXT) == Recipe.standard(Modality.TEXT)


def test_a_second_one_is_refused_by_name(registry: SpaceRegistry) -> None:
    """One change of the model at a time; the same one is taken up again."""
    registry.build(_NEXT, {})

    with pytest.raises(BadSetting, match=r"'next-v2-0' is being built already.*abandon"):
        registry.build(_OTHER, {})
    assert registry.build(_NEXT, {}).building is not None


def test_cutover_and_rollback_are_the_same_write(registry: SpaceRegistry, clock: Clock) -> None:
    """The pointer moves, the other space is kept for its days, and back again."""
    ready(registry)

    after = registry.cut_over("next-v2-0", keep_days=30)

    assert (after.active.space, after.previous_name) == (_NEXT, _FIRST.name)
    assert states(after) == {_FIRST.name: State.KEPT, "next-v2-0": State.ACTIVE}
    assert after.members[_FIRST.name].retire_at == clock.now + 30 * _DAY
    back = registry.roll_back(keep_days=7)
    assert (back.active.space, back.previous_name) == (_FIRST, "next-v2-0")
    assert (back.active.retire_at, back.members["next-v2-0"].retire_at) == (None, clock.now + 7 * _DAY)


def test_a_second_try_does_not_roll_back_the_rollback(registry: SpaceRegistry) -> None:
    """A task that was killed after its write, and is tried again, finds it done."""
    ready(registry).cut_over("next-v2-0", keep_days=30)

    first = registry.roll_back(keep_days=7, from_name="next-v2-0")
    second = registry.roll_back(keep_days=7, from_name="next-v2-0")

    assert first.active.space == _FIRST
    assert second == first


def test_a_space_that_is_built_anew_is_not_rolled_back_to(registry: SpaceRegistry) -> None:
    """It may not be whole: a cutover judges it first, and the verdict of before is gone."""
    ready(registry).cut_over("next-v2-0", keep_days=30)
    registry.roll_back(keep_days=30)
    before = registry.build(_NEXT, {})

    with pytest.raises(BadSetting, match=r"being built anew, and may not be whole.*action cutover"):
        registry.roll_back(keep_days=30)
    with pytest.raises(BadSetting, match="has not passed its gate"):
        registry.cut_over("next-v2-0", keep_days=30)

    assert registry.read() == before


def test_the_space_that_is_left_loses_its_verdict(registry: SpaceRegistry) -> None:
    """Or an old task of a cutover, cleared by itself, would move the pointer without a judgement."""
    ready(registry).cut_over("next-v2-0", keep_days=30)
    registry.roll_back(keep_days=30)

    with pytest.raises(BadSetting, match="has not passed its gate"):
        registry.cut_over("next-v2-0", keep_days=30)


def test_giving_up_twice_is_giving_up_once(registry: SpaceRegistry, clock: Clock) -> None:
    """Its days are counted from the first time."""
    registry.build(_NEXT, {})
    given_up = registry.retire("next-v2-0", keep_days=1)
    clock.now += 100

    assert registry.retire("next-v2-0", keep_days=30) == given_up


def test_a_held_space_is_let_go_by_the_next_backfill(registry: SpaceRegistry) -> None:
    """Which a person starts: the daily one leaves it alone."""
    registry.build(_NEXT, {})

    assert registry.hold("next-v2-0", held=True).get("next-v2-0").held
    assert registry.read().get("next-v2-0").held
    assert not registry.build(_NEXT, {}).get("next-v2-0").held
    assert registry.hold("nobody", held=True) == registry.read()


def test_what_was_not_judged_is_not_cut_over_to(registry: SpaceRegistry) -> None:
    """Unless somebody insists; a failed gate leaves everything as it was."""
    registry.build(_NEXT, {})
    registry.note_gate("next-v2-0", {"passed": False, "at": 1, "report_uri": ""})
    before = registry.read()

    with pytest.raises(BadSetting, match="has not passed its gate"):
        registry.cut_over("next-v2-0", keep_days=30)

    assert registry.read() == before
    assert registry.cut_over("next-v2-0", keep_days=30, force=True).active.space == _NEXT


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda registry: registry.roll_back(keep_days=1), "no space to go back to"),
        (lambda registry: registry.cut_over("nobody", keep_days=1), "no space 'nobody'"),
        (lambda registry: registry.retire(_FIRST.name, keep_days=0), "is the active one"),
        (
            lambda registry: registry.build(Space("amazon.next", "v2-0", first=False), {}),
            "would get the same name",
        ),
    ],
    ids=["nothing to go back to", "unknown", "retire the active", "same name"],
)
def test_what_cannot_be_is_refused(
    registry: SpaceRegistry, change: Callable[[SpaceRegistry], Any], told: str
) -> None:
    """With a sentence, and nothing changed."""
    before = registry.build(_NEXT, {})

    with pytest.raises(BadSetting, match=told):
        change(registry)

    assert registry.read() == before


def test_a_space_is_deleted_only_after_its_days_and_never_the_active_one(
    registry: SpaceRegistry, clock: Clock
) -> None:
    """Whoever claims it first keeps everybody from making it active again."""
    ready(registry).cut_over("next-v2-0", keep_days=30)
    clock.now += 30 * _DAY - 1
    assert not registry.begin_deletion(_FIRST.name)
    assert not registry.begin_deletion("next-v2-0")
    clock.now += 1

    assert registry.begin_deletion(_FIRST.name)

    with pytest.raises(BadSetting, match="is being deleted"):
        registry.roll_back(keep_days=1)
    assert registry.begin_deletion(_FIRST.name), "a deletion that was broken off goes on"
    spaces = registry.forget(_FIRST.name)
    assert (set(spaces.members), spaces.previous_name) == ({"next-v2-0"}, "")


def test_only_what_is_being_deleted_is_forgotten(registry: SpaceRegistry) -> None:
    """A slow deletion does not drop what has been begun anew since."""
    before = registry.build(_NEXT, {})

    assert registry.forget("next-v2-0") == before
    assert registry.forget(_FIRST.name) == before
    assert registry.forget("nobody") == before


def test_going_back_keeps_a_space_from_being_deleted(registry: SpaceRegistry, clock: Clock) -> None:
    """Its days are over only while it is not active."""
    ready(registry).cut_over("next-v2-0", keep_days=1)
    registry.roll_back(keep_days=1)
    clock.now += 2 * _DAY

    assert not registry.begin_deletion(_FIRST.name)
    assert registry.begin_deletion("next-v2-0")


def test_a_space_that_is_taken_up_again_is_judged_again(registry: SpaceRegistry) -> None:
    """What the gate has said before says nothing of what was not written since."""
    ready(registry).cut_over("next-v2-0", keep_days=30)
    registry.roll_back(keep_days=30)

    spaces = registry.build(_NEXT, {})

    assert spaces.building is not None
    assert (spaces.building.gate, spaces.building.retire_at) == ({}, None)


def test_settings_of_another_model_are_refused(registry: SpaceRegistry) -> None:
    """They would put its vectors among those of the first; a model that is registered is no other."""
    ready(registry).cut_over("next-v2-0", keep_days=30)

    with pytest.raises(BadSetting, match=r"settings name the space 'other-v3-0'.*backfill_embeddings"):
        replace(registry, settled=Space("amazon.other-v3:0")).read()

    assert replace(registry, settled=replace(_NEXT, first=True)).read().active.space == _NEXT


def test_the_first_space_keeps_the_plain_names(registry: SpaceRegistry) -> None:
    """Also when it is built anew, after it was deleted."""
    ready(registry).cut_over("next-v2-0", keep_days=0)
    registry.begin_deletion(_FIRST.name)
    spaces = registry.forget(_FIRST.name)

    again = registry.build(spaces.name_space(NOVA_MODEL_ID, "test"), {})

    assert again.building is not None
    assert again.building.space.index_name(256) == "embeddings-256d"
    assert not spaces.name_space("amazon.next-v2:0", "").first

"""The spaces of a deployment as a value: which there are, what each is for, and which one is active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.space import Space


class State(StrEnum):
    """What a space is for."""

    ACTIVE = "active"  # searches read it, sources are written to it
    BUILDING = "building"  # sources are written to it, nobody searches it yet
    KEPT = "kept"  # was active, or was given up: deleted after its days
    DELETING = "deleting"  # its indexes and rows are on their way out


@dataclass(frozen=True, slots=True)
class Member:
    """One space of a deployment.

    :ivar created: epoch seconds; 0 for the first one.
    :ivar retire_at: epoch seconds from which on a kept space may be deleted.
    :ivar recipes: the recipes in force that are not the standard ones.
    :ivar held: its backfill was stopped on purpose, for want of money or after so many sources: only a person goes on.
    :ivar gate: what the gate said last: ``passed``, ``at``, ``report_uri``; empty before it said anything.
    """

    space: Space
    state: State
    created: int = 0
    retire_at: int | None = None
    recipes: Mapping[Modality, Recipe] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    held: bool = False

    def recipe(self, modality: Modality) -> Recipe:
        """The recipe in force: what new sources are embedded with unless a run says otherwise."""
        return self.recipes.get(modality) or Recipe.standard(modality)

    @property
    def is_written(self) -> bool:
        """Whether sources are written to it."""
        return self.state in (State.ACTIVE, State.BUILDING)

    def is_due(self, now: int) -> bool:
        """Whether the days of a kept space are over, or its deletion was begun before."""
        over = self.state is State.KEPT and self.retire_at is not None and self.retire_at <= now
        return over or self.state is State.DELETING

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Member:
        """A member from its part of the item."""
        retire_at = item.get("retire_at")
        return cls(
            Space(item["model_id"], item["revision"], first=bool(item["first"])),
            State(item["state"]),
            created=int(item["created"]),
            retire_at=None if retire_at is None else int(retire_at),
            recipes={Modality(name): _read_recipe(name, told) for name, told in item["recipes"].items()},
            gate={name: int(told) if name == "at" else told for name, told in item["gate"].items()},
            held=bool(item.get("held", False)),
        )

    def dump(self) -> dict[str, Any]:
        """Its part of the item."""
        return {
            **asdict(self.space),
            "state": self.state.value,
            "created": self.created,
            "retire_at": self.retire_at,
            "recipes": {modality.value: _dump_recipe(recipe) for modality, recipe in self.recipes.items()},
            "gate": dict(self.gate),
            "held": self.held,
        }


@dataclass(frozen=True, slots=True)
class Spaces:
    """All spaces of a deployment.

    :ivar members: by the space's name.
    :ivar previous_name: what was active before the last cutover; empty when there was none.
    :ivar first: the name of the space whose indexes carry the plain names.
    :ivar version: of the item; 0 before there is one.
    """

    members: Mapping[str, Member]
    active_name: str
    first: str
    previous_name: str = ""
    version: int = 0

    @classmethod
    def of_one(cls, member: Member) -> Spaces:
        """A deployment with a single space."""
        name = member.space.name
        return cls({name: member}, name, name)

    @property
    def active(self) -> Member:
        """The space that searches read."""
        return self.members[self.active_name]

    @property
    def building(self) -> Member | None:
        """The space that is being built; None when there is none."""
        return next((one for one in self.members.values() if one.state is State.BUILDING), None)

    def get(self, name: str) -> Member:
        """A space by its name.

        :raises BadSetting: naming those that there are.
        """
        if name not in self.members:
            raise BadSetting(f"There is no space {name!r}; there are {', '.join(sorted(self.members))}.")
        return self.members[name]

    def name_space(self, model_id: str, revision: str) -> Space:
        """The space of a model; its indexes carry the plain names only if it is the deployment's first one."""
        space = Space(model_id, revision, first=False)
        return replace(space, first=space.name == self.first)

    def put(self, member: Member) -> Spaces:
        """With this member instead of the one of its name."""
        return replace(self, members={**self.members, member.space.name: member})

    def without(self, name: str) -> Spaces:
        """Without a member; the active one stays.

        :raises BadSetting: for the active one.
        """
        if name == self.active_name:
            raise BadSetting(f"The space {name!r} is the active one.")
        left = {other: member for other, member in self.members.items() if other != name}
        return replace(
            self, members=left, previous_name="" if self.previous_name == name else self.previous_name
        )

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Spaces:
        """The spaces from their DynamoDB item."""
        return cls(
            {name: Member.read(told) for name, told in item["members"].items()},
            item["active"],
            item["first"],
            item.get("previous") or "",
            int(item["version"]),
        )

    def dump(self) -> dict[str, Any]:
        """The attributes of the item, but for its key."""
        return {
            "active": self.active_name,
            "first": self.first,
            "previous": self.previous_name or None,
            "version": self.version,
            "members": {name: member.dump() for name, member in self.members.items()},
        }


def _dump_recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "segment": recipe.segment,
        "detail_level": recipe.detail_level,
        "embedding_mode": recipe.embedding_mode,
    }


def _read_recipe(modality: str, told: Mapping[str, Any]) -> Recipe:
    segment = told["segment"]
    return Recipe.standard(
        Modality(modality),
        segment=None if segment is None else int(segment),
        detail_level=told["detail_level"],
        embedding_mode=told["embedding_mode"],
    )

"""Which spaces a deployment has, and the pointer to the active one: one item of the ledger's table.

Everything about spaces changes in a single conditional write of this item, so whoever reads it sees the state
before a change or after it, and never half of one. Searches read the active space; sources are written to the
active one and to the one that is being built.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting, Unfinished
from nova_mme.modality import Modality
from nova_mme.recipe import Recipe
from nova_mme.space import Space
from nova_mme.space_member import Member, Spaces, State

# No object id begins with "~", and no space is called so: the ledger never meets this item.
KEY = {"object_id": "~spaces", "space": "~"}

_DAY = 24 * 3600
_TRIES = 10


@dataclass(frozen=True, slots=True)
class SpaceRegistry:
    """Reads and changes the item.

    :ivar dynamodb: a boto3 DynamoDB resource.
    :ivar table_name: the ledger's table.
    :ivar settled: the space that the deployment's settings name: the first one, until the item says more.
    :ivar clock: epoch seconds; for tests.
    """

    dynamodb: Any
    table_name: str
    settled: Space
    clock: Callable[[], float] = field(default=time.time)

    def read(self) -> Spaces:
        """The spaces as they are now; before there is an item, the settings' own space alone.

        :raises BadSetting: when the settings name a model that is none of the registered spaces': it would be
            written into indexes that hold another model's vectors.
        """
        # Every search begins here, and a Table costs a millisecond to make; the resource's own client speaks
        # Python's types as well.
        client = self.dynamodb.meta.client
        item = client.get_item(TableName=self.table_name, Key=KEY, ConsistentRead=True).get("Item")
        if item is None:
            return Spaces.of_one(Member(self.settled, State.ACTIVE))
        spaces = Spaces.read(item)
        if self.settled.name not in spaces.members and self.settled.name != spaces.first:
            raise BadSetting(
                f"The settings name the space {self.settled.name!r} (model_id, model_revision), but this deployment "
                f"has {', '.join(sorted(spaces.members))}. Put them back as they were; a model is changed with "
                "backfill_embeddings and its target_model_id, which builds the new space beside the old one."
            )
        return spaces

    def find_active(self) -> Space:
        """The space that searches read, for whoever may meet a deployment that is not set up.

        :raises BadSetting: when there is no table, and as :meth:`read` does.
        """
        try:
            return self.read().active.space
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise BadSetting(
                f"There is no table {self.table_name!r}. Run setup_embeddings, or name the right ledger_table."
            ) from error

    def ensure(self) -> Spaces:
        """Make the item unless it exists, with the settings' space as the first and active one."""
        return self._change(lambda spaces: spaces)

    def build(self, target: Space, recipes: Mapping[Modality, Recipe]) -> Spaces:
        """Register a space as the one that is being built; one that is, is taken up again.

        :param recipes: how its sources are embedded, by modality, where it is not the standard recipe.
        :raises BadSetting: when another space is being built, or the target's name means another model.
        """
        return self._change(lambda spaces: self.plan_building(spaces, target, recipes))

    def plan_building(self, spaces: Spaces, target: Space, recipes: Mapping[Modality, Recipe]) -> Spaces:
        """What :meth:`build` would make of the spaces; writes nothing, and refuses the same."""
        other = spaces.building
        if other and other.space.name != target.name:
            raise BadSetting(
                f"The space {other.space.name!r} is being built already. Finish it (cutover), or give it up with "
                "action=abandon, before another is begun."
            )
        known = spaces.members.get(target.name)
        if known is None:
            return spaces.put(Member(target, State.BUILDING, int(self.clock()), recipes=dict(recipes)))
        _require_same(known.space, target)
        if known.state is State.DELETING:
            raise BadSetting(f"The space {target.name!r} is being deleted; build it again when it is gone.")
        made = {**known.recipes, **recipes}
        if known.state is State.KEPT:  # what was judged of it then says nothing of what was not written since
            known = replace(known, state=State.BUILDING, retire_at=None, gate={})
        return spaces.put(replace(known, recipes=made, held=False))

    def note_gate(self, name: str, told: Mapping[str, Any]) -> Spaces:
        """Keep what the gate has said of a space: ``passed``, ``at`` (epoch seconds), ``report_uri``."""
        return self._change(lambda spaces: spaces.put(replace(spaces.get(name), gate=dict(told))))

    def cut_over(self, name: str, *, keep_days: int, force: bool = False) -> Spaces:
        """Make a space the active one; the one before is kept for so many days.

        :raises BadSetting: when it is not registered, is being deleted, or has not passed its gate (unless forced).
        """
        return self._change(lambda spaces: self._with_active(spaces, name, keep_days, force))

    def _with_active(self, spaces: Spaces, name: str, keep_days: int, force: bool) -> Spaces:
        member = spaces.get(name)
        if name == spaces.active.space.name:
            return spaces
        if member.state is State.DELETING:
            raise BadSetting(f"The space {name!r} is being deleted.")
        if not (member.gate.get("passed") or force):
            raise BadSetting(
                f"The space {name!r} has not passed its gate. Run backfill_embeddings, which judges it, or cut over "
                "with force."
            )
        # Its verdict goes: it is not written to any more, and would have to be judged anew.
        left = int(self.clock()) + keep_days * _DAY
        before = replace(spaces.active, state=State.KEPT, retire_at=left, gate={})
        after = replace(member, state=State.ACTIVE, retire_at=None)
        moved = spaces.put(before).put(after)
        return replace(moved, active_name=name, previous_name=before.space.name)

    def roll_back(self, *, keep_days: int, from_name: str = "") -> Spaces:
        """Make the space before the last cutover the active one again: the same write, the other way.

        :param from_name: the active space when this was asked for. Once another one is, nothing is left to do: a
            second try must not roll back the rollback.
        :raises BadSetting: when there is none any more, or when it is being built anew and so is not whole.
        """

        def change(spaces: Spaces) -> Spaces:
            if from_name and spaces.active_name != from_name:
                return spaces
            if not spaces.previous_name or spaces.previous_name not in spaces.members:
                raise BadSetting(
                    "There is no space to go back to: none was active before, or it was deleted after its days."
                )
            if spaces.get(spaces.previous_name).state is State.BUILDING:
                raise BadSetting(
                    f"The space {spaces.previous_name!r} is being built anew, and may not be whole. Cut over to it "
                    "(action cutover), which judges it first."
                )
            return self._with_active(spaces, spaces.previous_name, keep_days, force=True)

        return self._change(change)

    def retire(self, name: str, *, keep_days: int) -> Spaces:
        """Give a space up that is not active: it is deleted after so many days, and no longer written to.

        :raises BadSetting: for the active space.
        """

        def change(spaces: Spaces) -> Spaces:
            member = spaces.get(name)
            if member.state in (State.KEPT, State.DELETING):  # by an earlier try
                return spaces
            if member.state is State.ACTIVE:
                raise BadSetting(
                    f"The space {name!r} is the active one; cut over to another before it is retired."
                )
            return spaces.put(
                replace(member, state=State.KEPT, retire_at=int(self.clock()) + keep_days * _DAY)
            )

        return self._change(change)

    def hold(self, name: str, *, held: bool) -> Spaces:
        """Keep daily runs from going on with a space whose backfill was stopped on purpose, or let them."""
        return self._change(
            lambda spaces: (
                spaces.put(replace(spaces.members[name], held=held)) if name in spaces.members else spaces
            )
        )

    def begin_deletion(self, name: str) -> bool:
        """Claim a space for deletion; False unless its days are over. From here on it cannot become active."""
        claimed = False

        def change(spaces: Spaces) -> Spaces:
            nonlocal claimed
            member = spaces.members.get(name)
            claimed = member is not None and member.is_due(int(self.clock()))
            return spaces.put(replace(member, state=State.DELETING)) if member and claimed else spaces

        self._change(change)
        return claimed

    def forget(self, name: str) -> Spaces:
        """Drop a space whose indexes and rows are gone, and which nobody has begun to build anew."""

        def change(spaces: Spaces) -> Spaces:
            member = spaces.members.get(name)
            return spaces.without(name) if member and member.state is State.DELETING else spaces

        return self._change(change)

    def _change(self, change: Callable[[Spaces], Spaces]) -> Spaces:
        """Write what ``change`` makes of the spaces, if they are still as they were read; else once more."""
        table = self.dynamodb.Table(self.table_name)
        for _ in range(_TRIES):
            before = self.read()
            after = change(before)
            if after == before and before.version:
                return before
            after = replace(after, version=before.version + 1)
            try:
                table.put_item(
                    Item={**KEY, **after.dump()},
                    ConditionExpression="version = :v OR (attribute_not_exists(object_id) AND :v = :none)",
                    ExpressionAttributeValues={":v": before.version, ":none": 0},
                )
            except table.meta.client.exceptions.ConditionalCheckFailedException:
                continue
            return after
        raise Unfinished("The deployment's spaces were changed by somebody else, time and again; try again.")


def _require_same(known: Space, target: Space) -> None:
    if (known.model_id, known.revision) != (target.model_id, target.revision):
        raise BadSetting(
            f"The space {known.name!r} is that of {known.model_id} {known.revision}; {target.model_id} "
            f"{target.revision} would get the same name. Give another target_revision."
        )

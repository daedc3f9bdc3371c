"""A campaign: the runs that build or mend one space, one after the other; what they have spent, how far they are.

It lives in a few items of the ledger's table, so that every task of every run sees the same sums: one for the
money, and one for each shard, written again when its task is tried again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_mme.errors import BudgetSpent

# No object id begins with "~".
_PREFIX = "~campaign/"
_SUM = "~sum"
# A short text costs a millionth of a dollar: in larger units than this, many would be free.
_NANO = 1_000_000_000
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is.

    :ivar planned: sources that were due when it began.
    :ivar done: sources that are stored; ``failed`` those that are dead letters, or to be taken up again.
    :ivar spent_usd: what its jobs cost, by the price table; ``limit_usd`` what they may, None for any sum.
    :ivar seconds: since its first run began.
    :ivar stopped: whether the money has run out.
    :ivar space: the space that it is for; empty when there is no such campaign.
    :ivar expected_usd: what was estimated when it began, and approved.
    """

    planned: int = 0
    done: int = 0
    failed: int = 0
    spent_usd: float = 0.0
    limit_usd: float | None = None
    seconds: float = 0.0
    stopped: bool = False
    space: str = ""
    expected_usd: float = 0.0

    @property
    def left(self) -> int:
        """Sources that nobody has brought to an end yet."""
        return max(0, self.planned - self.done - self.failed)

    @property
    def eta_seconds(self) -> float | None:
        """How long the rest takes at the pace so far; None before there is one."""
        ended = self.done + self.failed
        return self.seconds / ended * self.left if ended else None

    def tell(self) -> str:
        """One line for people."""
        share = f" ({self.done / self.planned:.0%})" if self.planned else ""
        money = f"${self.spent_usd:,.2f}" + ("" if self.limit_usd is None else f" of ${self.limit_usd:,.2f}")
        eta = (
            ""
            if self.eta_seconds is None or not self.left
            else f", about {_tell_time(self.eta_seconds)} to go"
        )
        stopped = "; stopped: the money that was allowed is spent" if self.stopped else ""
        return (
            f"{self.done:,} of {self.planned:,} sources done{share}, {self.failed:,} failed, {self.left:,} left; "
            f"{money} spent{eta}{stopped}."
        )

    def summarize(self) -> dict[str, Any]:
        """A small document for XCom."""
        return {
            "planned": self.planned,
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "spent_usd": round(self.spent_usd, 6),
            "limit_usd": self.limit_usd,
            "seconds": round(self.seconds, 1),
            "eta_seconds": None if self.eta_seconds is None else round(self.eta_seconds, 1),
            "stopped": self.stopped,
        }


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign's items.

    :ivar dynamodb: a boto3 DynamoDB resource; ``table_name`` is the ledger's table.
    :ivar name: "<DAG id>/<run id>" of its first run.
    :ivar clock: epoch seconds; for tests.
    """

    dynamodb: Any
    table_name: str
    name: str
    clock: Callable[[], float] = field(default=time.time)

    def open(
        self, planned: int, *, limit_usd: float | None, space: str = "", expected_usd: float = 0.0
    ) -> None:
        """Begin it, or go on with it.

        :param planned: sources that are due now; what is done already is added.
        :param limit_usd: what may be spent, over all its runs.
        :param expected_usd: what it will cost, by the first run's estimate; later ones do not change it.
        """
        self._update(
            _SUM,
            "SET planned = :planned, started = if_not_exists(started, :now), "
            "spent = if_not_exists(spent, :none), limit_nano = :limit, stopped = :no, "
            "target = if_not_exists(target, :target), expected = if_not_exists(expected, :expected)",
            {
                ":planned": self.progress().done + planned,
                ":now": int(self.clock()),
                ":none": 0,
                ":limit": None if limit_usd is None else _to_nano(limit_usd),
                ":no": False,
                ":target": space,
                ":expected": _to_nano(expected_usd),
            },
        )

    def spend(self, usd: float) -> None:
        """Take a sum, if what may be spent still has it: one conditional write, however many tasks do it at once.

        :raises BudgetSpent: when it has not; from then on nobody gets anything, not even a smaller sum.
        """
        while not self._take(_to_nano(usd)):
            pass  # what may be spent was changed at this moment

    def _take(self, cost: int) -> bool:
        """False when the limit is another by now than the one that was read."""
        limit = self._sum().get("limit_nano")
        if limit is None:
            return self._update(_SUM, "ADD spent :cost", {":cost": cost})
        same = {":limit": limit}
        if self._update(
            _SUM,
            "ADD spent :cost",
            {**same, ":cost": cost, ":room": int(limit) - cost, ":no": False},
            "limit_nano = :limit AND stopped = :no AND spent <= :room",
        ):
            return True
        if not self._update(_SUM, "SET stopped = :yes", {**same, ":yes": True}, "limit_nano = :limit"):
            return False
        raise BudgetSpent(
            f"max_cost_usd is spent, or too little of it is left for the next source: {self.progress().tell()} "
            "Start the DAG again to go on: a new run may spend its own max_cost_usd."
        )

    def give_back(self, usd: float) -> None:
        """Return a sum that was taken for a job which was not started; once, though boto3 may ask twice."""
        self._update(
            _SUM,
            "SET returned = :token ADD spent :cost",
            {":cost": -_to_nano(usd), ":token": uuid.uuid4().hex},
            "attribute_not_exists(returned) OR returned <> :token",
        )

    def note(self, run: str, shard: int, counts: Mapping[str, int]) -> None:
        """Keep what became of a shard's sources: by outcome, as :class:`nova_mme.outcome.Outcome` calls it."""
        stored = counts.get("stored", 0) + counts.get("partial", 0) + counts.get("superseded", 0)
        self._update(
            f"{run}/{shard:05d}",
            "SET done = :done, failed = :failed",
            {":done": stored, ":failed": counts.get("failed", 0)},
        )

    def progress(self) -> Progress:
        """How far it is, over all its shards."""
        done = failed = 0
        total: dict[str, Any] = {}
        for item in self._items():
            if item["space"] == _SUM:
                total = item
            done, failed = done + int(item.get("done", 0)), failed + int(item.get("failed", 0))
        limit = total.get("limit_nano")
        return Progress(
            int(total.get("planned", 0)),
            done,
            failed,
            spent_usd=int(total.get("spent", 0)) / _NANO,
            limit_usd=None if limit is None else int(limit) / _NANO,
            seconds=max(0.0, self.clock() - int(total.get("started", self.clock()))),
            stopped=bool(total.get("stopped", False)),
            space=str(total.get("target", "")),
            expected_usd=int(total.get("expected", 0)) / _NANO,
        )

    def _items(self) -> list[dict[str, Any]]:
        table = self.dynamodb.Table(self.table_name)
        request: dict[str, Any] = {
            "KeyConditionExpression": "object_id = :id",
            "ExpressionAttributeValues": {":id": f"{_PREFIX}{self.name}"},
            "ConsistentRead": True,
        }
        items: list[dict[str, Any]] = []
        while True:
            answer = table.query(**request)
            items += answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return items
            request["ExclusiveStartKey"] = last

    def _sum(self) -> dict[str, Any]:
        table = self.dynamodb.Table(self.table_name)
        item: dict[str, Any] = table.get_item(Key=self._key(_SUM), ConsistentRead=True).get("Item", {})
        return item

    def _key(self, part: str) -> dict[str, str]:
        return {"object_id": f"{_PREFIX}{self.name}", "space": part}

    def _update(self, part: str, expression: str, values: Mapping[str, Any], condition: str = "") -> bool:
        table = self.dynamodb.Table(self.table_name)
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        try:
            table.update_item(
                Key=self._key(part),
                UpdateExpression=expression,
                ExpressionAttributeValues=dict(values),
                **request,
            )
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _to_nano(usd: float) -> int:
    return round(usd * _NANO)


def _tell_time(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if seconds >= _HOUR else f"{minutes} min"

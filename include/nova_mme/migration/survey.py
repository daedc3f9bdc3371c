"""The planner of a backfill: one pass over the bucket's listing, against the ledger, and what it will cost.

Memory is that of a page and of the work that is taken; it grows neither with the bucket nor with the ledger.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import NamedTuple

from nova_mme.ledger import Ledger
from nova_mme.migration.estimate import Estimate
from nova_mme.migration.load import Load, measure, tells
from nova_mme.migration.price import Prices
from nova_mme.modality import Modality
from nova_mme.plan import Plan, decide, never
from nova_mme.row import Row
from nova_mme.run import Run
from nova_mme.shard import Work
from nova_mme.source import Source

_PAGE = 1000

# A BatchGetItem takes 100 keys and some 10 to 40 ms: a page is asked for with so many at a time.
_READERS = 4
_BATCH = 100

# A sum of many floats may be off in its last digits.
_ROUNDING_USD = 1e-9


@dataclass(slots=True)
class Survey:
    """The result of planning a backfill.

    :ivar works: what is taken, in the listing's order.
    :ivar counts: as :class:`~nova_mme.plan.Plan` has them, every due source by why it is due, taken or not; and
        other_modality and other_dates, which were not asked for.
    :ivar unknown: as :class:`~nova_mme.plan.Plan` has it.
    :ivar estimate: of everything that is due; ``taken`` of ``works`` alone.
    :ivar left: how many are due and not taken.
    :ivar over_budget: how many of them because their dollars no longer fitted.
    """

    estimate: Estimate
    taken: Estimate
    works: dict[Modality, list[Work]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    left: int = 0
    over_budget: int = 0

    def add(
        self, modality: Modality, work: Work, load: Load, *, room: int, budget_usd: float = math.inf
    ) -> None:
        """Count a source that is due, and take it if there is room and money for it."""
        self.counts[work.why] += 1
        self.estimate.add(modality, load)
        if self.taken.sources >= room:
            self.left += 1
        elif self.taken.usd + load.usd > budget_usd + _ROUNDING_USD:
            self.left += 1
            self.over_budget += 1
        else:
            self.taken.add(modality, load)
            self.works.setdefault(modality, []).append(work)

    def pass_over(self, uri: str) -> None:
        """Count an object that is of no modality, and name the first ones."""
        self.counts["unsupported"] += 1
        if len(self.unknown) < Plan.UNKNOWN_NAMED:
            self.unknown.append(uri)

    @property
    def left_usd(self) -> float:
        """What the model will cost for those that are left, in dollars."""
        return max(0.0, self.estimate.usd - self.taken.usd)


def survey(
    sources: Iterable[Source],
    *,
    target: Ledger,
    current: Ledger | None,
    runs: Mapping[Modality, Run],
    prices: Prices,
    room: int,
    budget_usd: float | None = None,
    is_running: Callable[[str], bool] = never,
) -> Survey:
    """Decide about every listed source, and measure those that are due.

    A source whose dollars do not fit what is left of the budget is passed over, and a later one that fits is
    taken; so a job that was started before, which costs nothing more, always is while there is room.

    :param target: the ledger of the space that is written to.
    :param current: that of the active space, whose rows tell how long recordings are; it may be the same.
    :param runs: the modalities asked for; of a run's parameters the prefix is the listing's, and the limit ``room``'s.
    :param room: how many sources are taken at most.
    :param budget_usd: what the model may cost for them, in dollars; None for whatever it costs.
    :param is_running: as in :func:`~nova_mme.plan.decide`.
    """
    found = Survey(Estimate(prices), Estimate(prices))
    budget = math.inf if budget_usd is None else budget_usd
    is_another = current is not None and current.space.name != target.space.name
    listing = _sort_out(sources, runs, found)
    with ThreadPoolExecutor(_READERS) as readers:
        target_rows = _Reader(target, readers)
        other_rows = _Reader(current, readers) if current is not None and is_another else None
        ask = cache(is_running)
        while page := list(islice(listing, _PAGE)):
            due = list(_decide(page, target_rows.read(page), runs, ask, found))
            others = other_rows.read([item for item, _, _ in due]) if other_rows else {}
            for item, work, row in due:
                load = _measure(item, work, runs[item.modality], prices, row, others.get(item.object_id))
                found.add(item.modality, work, load, room=room, budget_usd=budget)
    return found


class _Item(NamedTuple):
    """A listed source; its id, a hash, is computed once."""

    modality: Modality
    source: Source
    object_id: str


class _Reader:
    """Reads the rows of a page by several threads, each with a batch of its own."""

    def __init__(self, ledger: Ledger, threads: ThreadPoolExecutor) -> None:
        # A boto3 resource is not for several threads; the client inside it is.
        self._ledger = replace(ledger, dynamodb=ledger.dynamodb.meta.client)
        self._threads = threads

    def read(self, items: Sequence[_Item]) -> dict[str, Row]:
        """The rows that exist, by object id."""
        batches = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
        found: dict[str, Row] = {}
        for rows in self._threads.map(self._ledger.rows, batches):
            found |= rows
        return found


def _sort_out(sources: Iterable[Source], runs: Mapping[Modality, Run], found: Survey) -> Iterator[_Item]:
    """The sources of the modalities and dates that were asked for; the others are counted."""
    for source in sources:
        modality = Modality.of_name(source.name)
        if modality is None:
            found.pass_over(source.uri)
        elif modality not in runs:
            found.counts["other_modality"] += 1
        elif not runs[modality].takes(source):
            found.counts["other_dates"] += 1
        else:
            yield _Item(modality, source, source.object_id)


def _decide(
    page: Iterable[_Item],
    rows: Mapping[str, Row],
    runs: Mapping[Modality, Run],
    is_running: Callable[[str], bool],
    found: Survey,
) -> Iterator[tuple[_Item, Work, Row | None]]:
    """Those that are due, each with its row; the others are counted."""
    for item in page:
        row = rows.get(item.object_id)
        work = decide(item.source, row, runs[item.modality], is_running=is_running)
        if isinstance(work, str):
            found.counts[work] += 1
        else:
            yield item, work, row


def _measure(item: _Item, work: Work, run: Run, prices: Prices, row: Row | None, other: Row | None) -> Load:
    """By the row of the space that is written to if it tells enough, else by the active space's."""
    telling = row if row is not None and tells(item.source, row) else other
    load = measure(item.source, run.recipe, prices, telling)
    return load.without_jobs() if work.why == "adopted" else load

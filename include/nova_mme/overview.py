"""Everything that the status page tells, from one scan of the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from nova_mme.dead_letter import DeadLetters
from nova_mme.expense import Expenses
from nova_mme.migration.price import Prices
from nova_mme.row import Row
from nova_mme.settings import Settings
from nova_mme.space_registry import SpaceRegistry
from nova_mme.status import SpaceStatus, describe_spaces

_BACKLOG = ("submitted", "failed", "partial", "missing", "stale")


def take_overview(
    registry: SpaceRegistry,
    settings: Settings,
    *,
    find_end_of_life: Callable[[str], int | None] = lambda model_id: None,
    watch: Callable[[Row], None] = lambda row: None,
) -> dict[str, Any]:
    """Spaces, backlog of the active one, its dead letters, and the cost so far, for JSON.

    A scan of the whole table: 0.14 ms of CPU for each row, and a read unit for each 4 KB.

    :param watch: is shown every row, to tell how far it is.
    :raises BadSetting: when the deployment is not set up.
    """
    spaces = registry.read()
    letters = DeadLetters(spaces.active_name)
    expenses = Expenses(spaces, Prices.read(settings.prices))
    statuses = describe_spaces(
        spaces,
        registry.dynamodb,
        settings.ledger_table,
        find_end_of_life=find_end_of_life,
        beside=(letters.count, expenses.count, watch),
    )
    return {
        "as_of": int(time.time()),
        "source_uri": settings.source_uri,
        "vector_bucket": settings.vector_bucket,
        "spaces": [status.summarize() for status in statuses],
        "backlog": count_backlog(statuses[0]),
        "dead_letters": letters.summarize(),
        "cost": expenses.summarize(),
    }


def count_backlog(status: SpaceStatus) -> Mapping[str, int]:
    """What is left to do in a space, in sources: by what stands in the way."""
    return {name: sum(getattr(one, name) for one in status.coverage.values()) for name in _BACKLOG}

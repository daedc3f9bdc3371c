"""Spaces whose days are over are deleted: indexes first, then rows, then the space itself."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nova_mme.ledger import Ledger
from nova_mme.space import Space
from nova_mme.space_registry import SpaceRegistry
from nova_mme.store import VectorStore

log = logging.getLogger(__name__)


def retire_due(
    registry: SpaceRegistry,
    *,
    store_of: Callable[[Space], VectorStore],
    ledger_of: Callable[[Space], Ledger],
) -> list[str]:
    """Delete every kept space whose days are over; returns their names.

    Each is claimed first, in the one item that a cutover or rollback writes too: what is active is never deleted,
    and what is being deleted never becomes active. A deletion that was broken off goes on at the next call.

    :raises IndexMismatch: when its indexes hold another space's vectors: nothing of it is deleted.
    """
    deleted = []
    for name, member in registry.read().members.items():
        if not member.is_due(int(registry.clock())):
            continue
        store = store_of(member.space)
        _require_own(store)
        if not registry.begin_deletion(name):
            continue
        indexes = store.drop()
        rows = ledger_of(member.space).clear()
        registry.forget(name)
        log.info("Deleted the space %s: %d indexes, %d ledger rows.", name, len(indexes), rows)
        deleted.append(name)
    return deleted


def _require_own(store: VectorStore) -> None:
    """An index of that name may by now be another deployment's."""
    try:
        store.check_space()
    except store.client.exceptions.NotFoundException:
        log.info("The smallest index is gone already: a deletion goes on.")

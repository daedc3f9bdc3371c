"""The pool that bounds the Bedrock jobs in flight, over all DAGs; deferred tasks count too.

A task has no access to Airflow's database, and tasks of a pool that does not exist wait for ever. So the
scheduler itself, which has that access, makes the pool when a run of one of our DAGs starts.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

POOL = "nova_mme_jobs"

# One slot is one job in flight, so a shard's submit and wait each take SLOTS_PER_SHARD. 20 is a careful
# beginning: AWS publishes no number for Nova's concurrent jobs; Service Quotas shows the account's own.
SLOTS = 20
SLOTS_PER_SHARD = 5

_DESCRIPTION = (
    "Bedrock async invocations in flight, all embedding DAGs together, deferred tasks included. Set the slots "
    f"to your account's quota, not below {SLOTS_PER_SHARD}."
)
_PREFIXES = ("embed_", "setup_embeddings")


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Called by the scheduler when a run starts, in the transaction that starts it."""
    from sqlalchemy.orm import object_session

    if not dag_run.dag_id.startswith(_PREFIXES):
        return
    session = object_session(dag_run)
    if session is not None:
        ensure_pool(session)


def ensure_pool(session: Any) -> bool:
    """Make the pool unless it exists; a pool that somebody has resized stays as it is."""
    from airflow.models.pool import Pool
    from sqlalchemy import insert, select
    from sqlalchemy.exc import IntegrityError

    if session.scalar(select(Pool.id).where(Pool.pool == POOL)) is not None:
        return False
    # A savepoint of the connection, since a second scheduler may be doing the same; one of the session is a
    # commit to the scheduler's guard against early commits, which refuses it.
    connection = session.connection()
    values = {"pool": POOL, "slots": SLOTS, "description": _DESCRIPTION, "include_deferred": True}
    try:
        with connection.begin_nested():
            connection.execute(insert(Pool).values(**values))
    except IntegrityError:
        return False
    log.info("Created the pool %s with %d slots.", POOL, SLOTS)
    return True

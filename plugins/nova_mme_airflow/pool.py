"""The pools of the embedding DAGs: how many of their tasks may hold a worker at a time, over all DAGs.

They do not bound the Bedrock jobs: a slot comes back when its task ends, however it ends, and the job goes on.
:class:`nova_mme.job_quota.JobQuota` does.

A task has no access to Airflow's database, and tasks of a pool that does not exist wait for ever. So the
scheduler itself, which has that access, makes the pools when a run of one of our DAGs starts.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

# A submit task waits on its worker for slots of the job quota. One starts jobs faster than Bedrock ends them; a
# few more keep the quota full while one ends and the next begins, and more would only take workers from the rest.
SUBMIT_POOL = "nova_mme_submit"

# One store task or two put as many vectors as an index takes (S3 Vectors' quota is 2,500 a second for each), and
# each has its own memory. Without a bound, those of a large run could take all workers: then nothing would be
# submitted, and the job quota would run empty.
STORE_POOL = "nova_mme_store"

SLOTS = 4

_DESCRIPTIONS = {
    SUBMIT_POOL: "Submit tasks of all embedding DAGs that run at once and wait for Bedrock. Not the number of jobs: "
    "that is max_jobs_in_flight in the Variable nova_mme.",
    STORE_POOL: "Store tasks of all embedding DAGs that run at once.",
}
_PREFIXES = ("embed_", "setup_embeddings")


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Called by the scheduler when a run starts, in the transaction that starts it."""
    from sqlalchemy.orm import object_session

    if not dag_run.dag_id.startswith(_PREFIXES):
        return
    session = object_session(dag_run)
    if session is not None:
        ensure_pools(session)


def ensure_pools(session: Any) -> list[str]:
    """Make the pools that do not exist, and name them; one that somebody has resized stays as it is."""
    from airflow.models.pool import Pool
    from sqlalchemy import select

    there = set(session.scalars(select(Pool.pool).where(Pool.pool.in_(_DESCRIPTIONS))))
    return [name for name in _DESCRIPTIONS if name not in there and _make_pool(session, name)]


def _make_pool(session: Any, name: str) -> bool:
    from airflow.models.pool import Pool
    from sqlalchemy import insert
    from sqlalchemy.exc import IntegrityError

    # A savepoint of the connection, since a second scheduler may be doing the same; one of the session is a
    # commit to the scheduler's guard against early commits, which refuses it.
    connection = session.connection()
    values = {"pool": name, "slots": SLOTS, "description": _DESCRIPTIONS[name], "include_deferred": False}
    try:
        with connection.begin_nested():
            connection.execute(insert(Pool).values(**values))
    except IntegrityError:
        return False
    log.info("Created the pool %s with %d slots.", name, SLOTS)
    return True

"""The pool that the scheduler makes."""

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from nova_mme_airflow import pool


@pytest.fixture
def session():
    """A database with Airflow's tables of pools."""
    from airflow.models.base import Base
    from airflow.models.pool import Pool

    engine = create_engine("sqlite://")
    names = {"slot_pool", "team"}
    Base.metadata.create_all(
        engine, tables=[Base.metadata.tables[name] for name in names & set(Base.metadata.tables)]
    )
    with Session(engine) as session:
        assert session.scalars(select(Pool)).all() == []
        yield session
    engine.dispose()


def test_the_pool_is_made_once_and_left_alone(session):
    """Deferred tasks count; a second time changes nothing, not even what somebody has resized."""
    from airflow.models.pool import Pool

    assert pool.ensure_pool(session)
    made = session.scalar(select(Pool).where(Pool.pool == pool.POOL))
    assert (made.slots, made.include_deferred) == (20, True)
    made.slots = 100
    session.flush()

    assert not pool.ensure_pool(session)
    assert session.scalar(select(Pool.slots).where(Pool.pool == pool.POOL)) == 100


@pytest.mark.parametrize(
    ("dag_id", "made"), [("sales_report", False), ("embed_text", True), ("setup_embeddings", True)]
)
def test_a_run_of_ours_makes_the_pool(session, dag_id, made):
    """The listener works in the transaction of the run that starts; other DAGs are none of its business."""
    from airflow.models.pool import Pool

    run = Pool(pool="stands for a run", slots=1, include_deferred=False)
    session.add(run)
    run.dag_id = dag_id

    pool.on_dag_run_running(run, "started")

    assert (session.scalar(select(Pool.id).where(Pool.pool == pool.POOL)) is not None) == made

"""The pool that the scheduler makes."""

from types import SimpleNamespace

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


def test_other_dags_are_none_of_its_business():
    """A run of a foreign DAG is not even looked at."""
    pool.on_dag_run_running(SimpleNamespace(dag_id="sales_report"), "started")

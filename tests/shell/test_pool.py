"""The pools that the scheduler makes."""

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from nova_mme_airflow import pool

NAMES = ["nova_mme_submit", "nova_mme_store"]


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


def read_pools(session):
    """Slots and whether deferred tasks count, by name."""
    from airflow.models.pool import Pool

    session.expire_all()
    return {made.pool: (made.slots, made.include_deferred) for made in session.scalars(select(Pool))}


def test_the_pools_are_made_once(session):
    """Both, with four slots; a second time there is nothing to do."""
    assert pool.ensure_pools(session) == NAMES
    assert pool.ensure_pools(session) == []
    assert read_pools(session) == dict.fromkeys(NAMES, (4, False))


def test_a_resized_pool_is_left_alone_and_a_missing_one_comes_back(session):
    """Somebody has resized one pool and deleted the other."""
    from airflow.models.pool import Pool

    pool.ensure_pools(session)
    kept, gone = (session.scalar(select(Pool).where(Pool.pool == name)) for name in NAMES)
    kept.slots = 100
    session.delete(gone)
    session.flush()

    assert pool.ensure_pools(session) == [NAMES[1]]
    assert read_pools(session) == {NAMES[0]: (100, False), NAMES[1]: (4, False)}


@pytest.mark.parametrize(
    ("dag_id", "made"), [("sales_report", []), ("embed_text", NAMES), ("setup_embeddings", NAMES)]
)
def test_a_run_of_ours_makes_the_pools(session, dag_id, made):
    """The listener works in the transaction of the run that starts; other DAGs are none of its business."""
    from airflow.models.pool import Pool

    run = Pool(pool="stands for a run", slots=1, include_deferred=False)
    session.add(run)
    run.dag_id = dag_id

    pool.on_dag_run_running(run, "started")

    assert sorted(read_pools(session).keys() - {"stands for a run"}) == sorted(made)


def test_a_second_scheduler_that_was_faster_does_no_harm(session):
    """It makes a pool between our look and our insert: the run's transaction goes on, the pool stays as it is."""
    from airflow.models.pool import Pool

    session.add(Pool(pool=NAMES[0], slots=7, include_deferred=False))
    session.flush()

    assert not pool._make_pool(session, NAMES[0])
    assert read_pools(session) == {NAMES[0]: (7, False)}

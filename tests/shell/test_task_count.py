"""How many task instances a run makes: Airflow's scheduler pays for each, and a mapped list has a longest length."""

from pathlib import Path

import pytest

from nova_mme.run import LIMIT_MAX
from nova_mme.shard import shard_size

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dag():
    """One of the embedding DAGs; they are alike."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags" / "embed_image.py")).dags["embed_image"]


def count_instances(dag, sources):
    """Task instances of a run with so many due sources: the mapped ones once for each shard, the others once."""
    mapped = sum(task.task_id.startswith("shard.") for task in dag.tasks)
    shards = -(-sources // shard_size(sources))
    return shards, len(dag.tasks) - mapped + mapped * shards


def test_a_thousand_sources_make_at_most_150_task_instances(dag):
    """And so does every smaller number."""
    assert max(count_instances(dag, sources)[1] for sources in range(1, 1001)) <= 150


def test_no_run_maps_over_more_than_airflow_allows(dag):
    """core.max_map_length is 1,024 by default: plan would fail above it."""
    from airflow.configuration import conf

    longest = conf.getint("core", "max_map_length")

    assert max(count_instances(dag, sources)[0] for sources in range(1, LIMIT_MAX + 1)) <= longest

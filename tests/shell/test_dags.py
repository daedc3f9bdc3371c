"""The DAGs as Airflow sees them: what people rely on, and what would hurt at parse time."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
EMBEDDING = ("embed_text", "embed_image", "embed_video", "embed_audio", "embed_document")
EXPECTED = {
    *EMBEDDING,
    "setup_embeddings",
    "reconcile_embeddings",
    "backfill_embeddings",
    "search_embeddings",
}


@pytest.fixture(scope="module")
def dags():
    """The parsed DAGs by id."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags


def test_the_expected_dags_are_there_and_no_others(dags):
    """An empty bag has no import errors either, so the ids are compared."""
    assert set(dags) == EXPECTED


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_a_docstring_and_a_call(path):
    """Docstring, one import, one assignment; the graph is written once, in dagkit."""
    body = ast.parse(path.read_text()).body

    assert [type(node) for node in body] == [ast.Expr, ast.ImportFrom, ast.Assign]


@pytest.mark.parametrize("dag_id", sorted(EXPECTED))
def test_everything_is_explained(dags, dag_id):
    """DAG, tasks and parameters carry the texts that the UI shows."""
    dag = dags[dag_id]

    assert dag.doc_md
    assert dag.doc_md.strip() == ast.get_docstring(ast.parse(Path(dag.fileloc).read_text()))
    assert {task.task_id for task in dag.tasks if not task.doc_md} == set()
    for name in dag.params:
        schema = dag.params.get_param(name).schema
        assert schema.get("title"), name
        assert len(dag.params.get_param(name).description or schema.get("description", "")) > 20, name


@pytest.mark.parametrize("dag_id", sorted(EXPECTED))
def test_parameters_are_bounded(dags, dag_id):
    """A number has a least and a greatest value, a text a greatest length or a list of values."""
    for name in dags[dag_id].params:
        schema = dags[dag_id].params.get_param(name).schema
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if "integer" in kinds or "number" in kinds:
            assert {"minimum", "maximum"} <= schema.keys(), name
        if "string" in kinds:
            assert schema.keys() & {"maxLength", "enum"}, name


@pytest.mark.parametrize("dag_id", sorted(EXPECTED))
def test_defaults_are_valid(dags, dag_id):
    """The trigger form opens with values that it accepts."""
    assert dags[dag_id].params.validate().keys() == dags[dag_id].params.keys()


@pytest.mark.parametrize(
    ("dag_id", "conf"),
    [
        ("embed_text", {"segment_characters": 799}),
        ("embed_video", {"segment_seconds": 31}),
        ("embed_video", {"embedding_mode": "VIDEO_ONLY"}),
        ("embed_image", {"detail_level": "HIGH"}),
        ("embed_audio", {"limit": 0}),
        ("embed_audio", {"source_uri": "/media"}),
    ],
)
def test_the_form_refuses_what_the_model_refuses(dags, dag_id, conf):
    """A value out of range is refused when the run is made, before any task starts."""
    from airflow.sdk.exceptions import ParamValidationError

    ((name, value),) = conf.items()

    with pytest.raises(ParamValidationError):
        dags[dag_id].params.get_param(name).resolve(value=value)


@pytest.mark.parametrize("modality", ["text", "image", "video", "audio", "document"])
def test_the_forms_bounds_are_the_cores(modality):
    """The form cannot import the core at parse time; its numbers are held to the core's here."""
    from nova_mme.modality import Modality
    from nova_mme.run import LIMIT_DEFAULT, LIMIT_MAX, SEGMENT_PARAM, Run
    from nova_mme_airflow.params import embedding_params

    form = embedding_params(modality)
    limits = Modality(modality).limits
    if name := SEGMENT_PARAM.get(Modality(modality)):
        schema = form[name].schema
        assert (schema["minimum"], schema["maximum"]) == (limits.segment_min, limits.segment_max)
        assert form[name].value is None  # as in force
        assert f"{limits.segment_default:,} unless" in form[name].description
    assert (form["limit"].value, form["limit"].schema["maximum"]) == (LIMIT_DEFAULT, LIMIT_MAX)
    assert Run.read(Modality(modality), {name: param.value for name, param in form.items()})


@pytest.mark.parametrize("dag_id", EMBEDDING)
def test_the_graph(dags, dag_id):
    """plan, then submit, wait and store per shard, then report, whatever became of the shards."""
    dag = dags[dag_id]
    edges = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}

    assert edges == {
        "plan": ["shard.store", "shard.submit"],
        "shard.submit": ["shard.wait"],
        "shard.wait": ["shard.store"],
        "shard.store": ["report"],
        "report": [],
    }
    assert dag.get_task("report").trigger_rule == "all_done"
    assert type(dag.task_group.children["shard"]).__name__ == "MappedTaskGroup"


@pytest.mark.parametrize("dag_id", EMBEDDING)
def test_workers_are_left_for_others_and_tasks_are_retried(dags, dag_id):
    """Submit tasks, which wait for Bedrock, and store tasks, which take memory, have pools; all are retried."""
    from nova_mme_airflow.pool import STORE_POOL, SUBMIT_POOL

    dag = dags[dag_id]

    assert all(task.retries >= 2 for task in dag.tasks)
    assert dag.get_task("shard.submit").pool == SUBMIT_POOL
    assert dag.get_task("shard.store").pool == STORE_POOL
    assert dag.get_task("shard.wait").pool == "default_pool"


@pytest.mark.parametrize("dag_id", EMBEDDING)
def test_a_sweep_runs_once_a_day(dags, dag_id):
    """What no event told of is found; the data interval is what backfills go by."""
    timetable = dags[dag_id].timetable

    assert (timetable.expression, timetable.interval.days) == ("17 3 * * *", 1)
    assert not dags[dag_id].catchup


@pytest.mark.parametrize("dag_id", EMBEDDING)
def test_no_worker_waits(dags, dag_id):
    """wait defers even where Airflow's own default is not to, as it is here and on MWAA."""
    assert dags[dag_id].get_task("shard.wait").deferrable


def test_the_dags_survive_serialisation(dags):
    """What the scheduler and the UI work with is the serialised form."""
    from airflow.serialization.serialized_objects import DagSerialization

    for dag_id, dag in dags.items():
        data = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        restored = DagSerialization.from_dict(data)
        assert (restored.dag_id, restored.task_ids) == (dag_id, dag.task_ids)


_PROBE = """
import sys
import airflow.sdk, airflow.providers.standard.operators.python
before = set(sys.modules)
import runpy
for path in sys.argv[1:]:
    runpy.run_path(path)
heavy = ("boto3", "botocore", "aiobotocore", "numpy", "nova_mme", "airflow.providers.amazon.aws")
print(sorted(name for name in set(sys.modules) - before if name.startswith(heavy) and "airflow.nova" not in name
             and not name.startswith("nova_mme_airflow") and name != "nova_mme_plugin"))
"""


def test_parsing_loads_nothing_heavy():
    """No boto3, numpy, core or Amazon provider at parse: the files are parsed every half minute."""
    command = [sys.executable, "-c", _PROBE, *map(str, DAG_FILES)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"},
    )

    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_plugin_loader_executes_one_file_only():
    """Without the ignore file, the loader runs every module under its bare name."""
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(str(ROOT / "plugins"), ".airflowignore")

    assert [Path(name).name for name in found if name.endswith(".py")] == ["nova_mme_plugin.py"]

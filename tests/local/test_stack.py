"""The real stack, Airflow and local AWS, with DAGs of the tests: it starts, is used, and leaves nothing behind."""

from __future__ import annotations

import io
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import boto3
import psutil
import pytest
import requests

from nova_mme_local.airflow_api import AirflowError
from nova_mme_local.demo import Demo
from nova_mme_local.launch import NAMES
from nova_mme_local.outcomes import explain_failure
from nova_mme_local.processes import find_family, read_table
from nova_mme_local.progress import watch
from nova_mme_local.screen import WIDTH, Screen
from nova_mme_local.stack import Stack
from nova_mme_local.stackerror import StackError
from nova_mme_local.stackfile import Note
from nova_mme_local.updown import bring_up, show_status, take_down

pytestmark = pytest.mark.e2e

DAGS = Path(__file__).parent / "stub_dags"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack, started from a shell that is set up for a real account; nothing is left of it."""
    home, plugins = tmp_path_factory.mktemp("stack"), tmp_path_factory.mktemp("plugins")
    running = Stack(home, dags_folder=DAGS, plugins_folder=plugins, job_seconds=0.2)
    with ExitStack() as stops:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_PROFILE", "production")
            patch.setenv("AWS_SESSION_TOKEN", "real")
            patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
            patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
            stops.enter_context(running)
        note = Note.read(home / "stack.json")
        yield running
    assert note
    assert find_family(note.processes, read_table()) == {}, "processes were left behind"
    assert not (home / "stack.json").exists()


def test_all_components_are_healthy(stack: Stack) -> None:
    """Local AWS and Airflow's four components say so, and the status shows each."""
    assert stack.health() == dict.fromkeys(NAMES, True)
    shown = io.StringIO()
    assert show_status(stack, Screen(shown)) == 0
    assert shown.getvalue().count("healthy") == len(NAMES)
    assert "http://localhost:" in shown.getvalue()


def test_only_this_machine_can_reach_it(stack: Stack) -> None:
    """Nothing that any of its processes listens on is open to the network."""
    note = Note.read(stack.home / "stack.json")
    assert note
    family = find_family(note.processes, read_table())
    listening = {
        connection.laddr
        for pid in family
        for connection in psutil.Process(pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    ports = {int(url.rpartition(":")[2]) for url in (stack.airflow_url, stack.aws_url)}
    assert {address.port for address in listening} == ports
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_tasks_see_local_aws_only(stack: Stack) -> None:
    """A task has the connection, the variable and clients of local AWS, and nothing of the user's own."""
    run = stack.api.trigger("setup_embeddings")
    assert stack.api.wait("setup_embeddings", run, 60) == "success"
    seen = stack.api.xcom("setup_embeddings", run, "look")
    assert seen["endpoint"] == seen["connection"] == stack.aws_url
    assert seen["variable"] == "s3://nova-mme-media/"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(seen["aws"])
    assert (seen["bytecode"], seen["proxy"]) == (None, None)


def test_a_second_start_does_nothing(stack: Stack) -> None:
    """What runs is used as it is, by another command too; only its owner's block ends it."""
    other = Stack(stack.home)
    shown = io.StringIO()
    assert bring_up(other, Screen(shown)) == 0
    assert "Airflow runs already" in shown.getvalue()
    assert (other.airflow_url, other.aws_url) == (stack.airflow_url, stack.aws_url)
    with pytest.raises(StackError, match="runs already"), other:
        pass
    assert stack.is_running()


def test_the_api_knows_variables_logs_and_pauses(stack: Stack) -> None:
    """What a test needs of Airflow's REST API works on this version."""
    stack.api.set_variable("mine", {"a": 1})
    stack.api.set_variable("mine", {"a": 2})
    assert stack.api.get("variables/mine")["value"] == '{"a": 2}'
    run = stack.api.trigger("embed_text")
    assert stack.api.wait("embed_text", run, 60) == "success"
    assert stack.api.xcom("embed_text", run, "store", 1) == 2
    assert stack.api.xcom("embed_text", run, "report", key="nothing") is None
    events = [line["event"] for line in stack.api.log("embed_text", run, "store", map_index=1)]
    assert "storing part 2" in events
    stack.api.clear("embed_text", run, task_ids=["report"])
    assert stack.api.wait("embed_text", run, 60) == "success"
    tries = {task["task_id"]: task["try_number"] for task in stack.api.task_instances("embed_text", run)}
    assert tries == {"parts": 1, "store": 1, "report": 2}
    stack.api.pause("embed_text")
    assert stack.api.get("dags/embed_text")["is_paused"]
    stack.api.pause("embed_text", False)


def test_a_failed_run_is_explained(stack: Stack) -> None:
    """The task, its index, its error and a log that exists are named."""
    run = stack.api.trigger("embed_text", {"fail": True})
    states = watch(stack.api, {"embed_text": run}, screen=Screen(io.StringIO()), timeout=60)
    assert states == {"embed_text": "failed"}
    said = explain_failure(stack.api, "embed_text", run, task_logs=stack.task_logs)
    assert re.search(r"embed_text failed in its task store \[[01]\] \(2 tasks failed in all\)", said)
    assert re.search(r"ValueError: part [12] cannot be stored", said)
    log = re.search(r"Its log: (.*)", said)
    assert log
    assert "cannot be stored" in Path(log[1]).read_text()


def test_a_dag_file_that_cannot_be_read_is_named(stack: Stack) -> None:
    """Waiting for its DAG ends with what the import said."""
    with pytest.raises(AirflowError, match=r"(?s)no usable DAG 'broken'.*no_such_module_of_ours"):
        stack.api.trigger("broken", timeout=8)


def test_the_demo_runs_on_a_running_stack(stack: Stack, tmp_path: Path) -> None:
    """It uploads a folder, runs the DAGs it needs below its prefix, and shows the table and the failures."""
    folder = tmp_path / "my texts"
    folder.mkdir()
    (folder / "one.txt").write_text("one")
    (folder / "other.xyz").write_text("other")
    file = io.StringIO()
    assert Demo(stack, Screen(file), folder=folder).run() == 0
    shown = file.getvalue()
    s3 = boto3.client("s3", endpoint_url=stack.aws_url)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="nova-mme-media")["Contents"]] == [
        "my-texts/one.txt"
    ]
    assert "Airflow runs already" in shown
    assert "Left out: other.xyz (unknown type)" in shown
    assert re.search(r"text +3 +0 +0 +1 ", shown)
    assert "bad.txt: empty_file. Empty." in shown
    assert "Fill it." in shown
    assert "nothing to search" in shown
    assert "`make down` stops it" in shown
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "s3.PutObject" in requests.get(f"{stack.aws_url}/_local/stats", timeout=5).json()["operations"]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """The sentence has the port and the variable that moves it; nothing is started."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"Airflow cannot have port {port}.*AIRFLOW_PORT="):
            Stack(tmp_path, airflow_port=port).start()
        with pytest.raises(StackError, match=rf"Local AWS cannot have port {port}.*LOCAL_AWS_PORT="):
            Stack(tmp_path, local_aws_port=port).start()
    assert not (tmp_path / "stack.json").exists()


def test_a_component_that_ends_at_once_is_named_with_its_log(tmp_path: Path) -> None:
    """Local AWS cannot use a file as its directory: its own words are shown, and all else is ended."""
    (tmp_path / "aws").write_text("in the way")
    stack = Stack(tmp_path, dags_folder=DAGS)
    with pytest.raises(
        StackError, match=r"(?s)local-aws ended while it started, with exit code 1.*did not start"
    ):
        stack.start()
    assert not stack.is_running()
    assert not (tmp_path / "stack.json").exists()
    assert [p for p in psutil.process_iter(["environ"]) if str(tmp_path) in str(p.info["environ"])] == []


def test_down_says_when_nothing_runs(tmp_path: Path) -> None:
    """So does status, with what to do."""
    shown = io.StringIO()
    assert take_down(Stack(tmp_path), Screen(shown)) == 0
    assert show_status(Stack(tmp_path), Screen(shown)) == 1
    assert "Nothing is running." in shown.getvalue()
    assert "make up" in shown.getvalue()
    shutil.rmtree(tmp_path)

"""The README's table of DAGs says what the DAGs say, and a README that says otherwise is found out."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nova_mme_local.dag_table import TableError, place_table, render_table

README = "# Title\n\n<!-- dags -->\nwhat was here\n<!-- /dags -->\n\nThe end.\n"


class Params(dict):
    """Parameters as a DAG has them: name -> (value, schema)."""

    def get_param(self, name: str) -> Any:
        """A parameter with ``value`` and ``schema``."""
        value, schema = self[name]
        return SimpleNamespace(value=value, schema=schema)


def make_dag(dag_id: str, *, schedule: Any = None, doc: str = "Does it. Then more.", **params: Any) -> Any:
    """What the table reads of a DAG."""
    return SimpleNamespace(dag_id=dag_id, schedule=schedule, doc_md=doc, params=Params(params))


def test_project_table_is_written_and_then_found_current(tmp_path: Path, checkout: Path) -> None:
    """The command puts a row for every DAG file between the markers; then --check agrees."""
    readme = tmp_path / "README.md"
    readme.write_text(README)
    found = run("--check", readme, checkout=checkout)
    assert found.returncode == 1
    assert "out of date; run python -m nova_mme_local.dag_table" in found.stderr
    assert readme.read_text() == README

    assert run(readme, checkout=checkout).returncode == 0
    text = readme.read_text()
    assert text.startswith("# Title\n\n<!-- dags -->\n| DAG |")
    assert text.endswith("\n<!-- /dags -->\n\nThe end.\n")
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert rows == sorted(path.stem for path in (checkout / "dags").glob("*.py"))
    assert "`segment_characters` unset (800 to 50,000)" in text
    assert run("--check", readme, checkout=checkout).returncode == 0


def test_the_readme_is_current(checkout: Path) -> None:
    """The project's own README has the table that the DAGs make."""
    found = run("--check", checkout / "README.md", checkout=checkout)

    assert (found.returncode, found.stderr) == (0, "")


_OTHERS = ("embed_a", "embed_b", "embed_c", "x", "y")


def test_every_kind_of_parameter_has_its_words() -> None:
    """Defaults and bounds are written out; what three DAGs share is told once; a pipe does not break the row."""
    shared = {"bucket": (None, {"type": ["null", "string"], "pattern": "^a|b$", "maxLength": 63})}
    table = render_table(
        [
            make_dag(
                "zebra",
                schedule="0 3 * * *",
                count=(10_000, {"minimum": 1, "maximum": 50_000}),
                least=(2, {"minimum": 1}),
                force=(False, {"type": "boolean"}),
                prefix=("", {"type": "string"}),
                level=("A", {"enum": ["A", "B"]}),
                **shared,
            ),
            make_dag("ant", doc="\n Reads (.txt, .md)\n files. More.\n", **shared),
            *(make_dag(f"embed_{name}", limit=(9, {"maximum": 9}), **shared) for name in ("a", "b", "c")),
            *(make_dag(name, dry=(True, {}), **shared) for name in ("x", "y", "zoo")),
        ]
    )
    assert table.splitlines()[2:] == [
        "| `ant` | Reads (.txt, .md) files. | when triggered |  |",
        *(f"| `{name}` | Does it. | when triggered |  |" for name in _OTHERS),
        "| `zebra` | Does it. | `0 3 * * *` | `count` 10,000 (1 to 50,000)<br>`least` 2 (at least 1)"
        "<br>`force` false<br>`prefix` empty<br>`level` `A` (or `B`) |",
        "| `zoo` | Does it. | when triggered |  |",
        "",
        "All of them take `bucket` unset (at most 63 characters, matches `^a|b$`).",
        "",
        "All `embed_*` take `limit` 9 (at most 9).",
        "",
        "`x`, `y`, `zoo` take `dry` true.",
    ]
    alone = render_table([make_dag("one", **shared)])
    assert alone.splitlines()[-1].endswith("| `bucket` unset (at most 63 characters, matches `^a\\|b$`) |")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, "when triggered"),
        ("@daily", "`@daily`"),
        (timedelta(hours=6), "every 6:00:00"),
        ([SimpleNamespace(name="new_text"), SimpleNamespace(name="new_video")], "on `new_text`, `new_video`"),
        (SimpleNamespace(expression="17 3 * * *"), "`17 3 * * *` (UTC)"),
        (SimpleNamespace(), "`SimpleNamespace`"),
    ],
)
def test_schedule_in_words(schedule: Any, words: str) -> None:
    """Each kind of schedule is readable; an unknown one shows its type."""
    assert f"| {words} |" in render_table([make_dag("one", schedule=schedule)])


def test_dag_without_a_sentence_is_refused() -> None:
    """A DAG that does not say what it does is named."""
    with pytest.raises(TableError, match="The DAG mute has no doc_md"):
        render_table([make_dag("mute", doc="")])


@pytest.mark.parametrize(
    "text", ["", "<!-- dags -->", "<!-- /dags --><!-- dags -->", "<!-- dags --><!-- dags --><!-- /dags -->"]
)
def test_markers_have_to_be_there_once_and_in_order(text: str) -> None:
    """Without a place for the table nothing is guessed."""
    with pytest.raises(TableError, match="It needs one line <!-- dags -->"):
        place_table(text, "table")


def run(*arguments: str | Path, checkout: Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own: it sets Airflow up for itself."""
    return subprocess.run(
        [sys.executable, "-m", "nova_mme_local.dag_table", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(checkout / "include")},
        capture_output=True,
        text=True,
        timeout=60,
    )

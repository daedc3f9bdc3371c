"""The README's table of DAGs, from the DAGs themselves: `python -m nova_mme_local.dag_table [--check] README.md`.

Without `--check` the lines between the two markers are replaced; with it the exit code is 1 when they differ.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- dags -->", "<!-- /dags -->"

# A sentence ends at a mark before white space: "(.txt, .md)" goes on.
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)


# A parameter of so many DAGs is told once, below the table.
_SHARED_FROM = 3


class TableError(Exception):
    """The table cannot be made or placed; the message says why."""


def render_table(dags: Iterable[Any]) -> str:
    """A Markdown table of the DAGs by id; parameters that at least three of them have are told once, below it."""
    dags = sorted(dags, key=lambda dag: dag.dag_id)
    forms = {dag.dag_id: _describe_params(dag) for dag in dags}
    shared = _shared(forms)
    told = {text for texts in shared.values() for text in texts}
    rows = [
        f"| `{dag.dag_id}` | {_cell(_first_sentence(dag))} | {_describe_schedule(dag.schedule)} | "
        f"{'<br>'.join(_cell(text) for text in forms[dag.dag_id].values() if text not in told)} |"
        for dag in dags
    ]
    head = ["| DAG | what it does | schedule | parameters: default (bounds) |", "|---|---|---|---|"]
    also = [f"{_name_group(ids, list(forms))} take {', '.join(texts)}." for ids, texts in shared.items()]
    return "\n".join([*head, *rows, *(line for text in also for line in ("", text))])


def _shared(forms: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, ...], list[str]]:
    """DAG ids -> what these have in the same words, and no other DAG has."""
    users: dict[str, list[str]] = {}
    for dag_id, form in forms.items():
        for text in form.values():
            users.setdefault(text, []).append(dag_id)
    groups: dict[tuple[str, ...], list[str]] = {}
    for text, ids in users.items():
        if len(ids) >= _SHARED_FROM:
            groups.setdefault(tuple(ids), []).append(text)
    return groups


def _name_group(ids: Sequence[str], every: Sequence[str]) -> str:
    if list(ids) == list(every):
        return "All of them"
    stem = os.path.commonprefix(ids)
    if stem and [dag_id for dag_id in every if dag_id.startswith(stem)] == list(ids):
        return f"All `{stem}*`"
    return ", ".join(f"`{dag_id}`" for dag_id in ids)


def _first_sentence(dag: Any) -> str:
    match = _SENTENCE.match((dag.doc_md or "").strip())
    if match is None:
        raise TableError(f"The DAG {dag.dag_id} has no doc_md with a sentence in it.")
    return " ".join(match[0].split())


def _describe_schedule(schedule: Any) -> str:
    if schedule is None:
        return "when triggered"
    if isinstance(schedule, str):
        return f"`{schedule}`"
    if isinstance(schedule, timedelta):
        return f"every {schedule}"
    if isinstance(schedule, Sequence):
        return "on " + ", ".join(f"`{asset.name}`" for asset in schedule)
    if cron := getattr(schedule, "expression", ""):
        return f"`{cron}` (UTC)"
    return f"`{type(schedule).__name__}`"


def _describe_params(dag: Any) -> dict[str, str]:
    """Name -> "`limit` 10,000 (1 to 50,000)"."""
    params = {name: dag.params.get_param(name) for name in dag.params}
    return {name: f"`{name}` {_describe_param(param.value, param.schema)}" for name, param in params.items()}


def _describe_param(default: Any, schema: Mapping[str, Any]) -> str:
    bounds = _describe_bounds(default, schema)
    return _value(default) + (f" ({bounds})" if bounds else "")


def _describe_bounds(default: Any, schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "or " + ", ".join(_value(choice) for choice in schema["enum"] if choice != default)
    if "minimum" in schema and "maximum" in schema:
        return f"{_value(schema['minimum'])} to {_value(schema['maximum'])}"
    found = [
        f"at least {_value(schema['minimum'])}" if "minimum" in schema else "",
        f"at most {_value(schema['maximum'])}" if "maximum" in schema else "",
        f"at most {_value(schema['maxLength'])} characters" if "maxLength" in schema else "",
        f"matches `{schema['pattern']}`" if "pattern" in schema else "",
    ]
    return ", ".join(filter(None, found))


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:,}"
    return f"`{value}`" if value else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def place_table(text: str, table: str) -> str:
    """The document with the table between its markers.

    :raises TableError: when a marker is missing or there twice.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise TableError(f"It needs one line {BEGIN} and, after it, one line {END}.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def load_dags(root: Path = ROOT) -> list[Any]:
    """The project's DAGs, parsed by Airflow in an empty home of its own; once per process, for a command line.

    :raises TableError: when a file does not parse.
    """
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        }
        sys.path[:0] = [str(root / "plugins"), str(root / "include")]
        # Only Airflow can say what a DAG file makes; nothing else of this package needs it.
        from airflow.dag_processing.dagbag import DagBag  # noqa: TID251

        bag = DagBag(root / "dags")
        if bag.import_errors:
            raise TableError("\n".join(f"{file}:\n{error}" for file, error in bag.import_errors.items()))
        return list(bag.dags.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nova_mme_local.dag_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the table is out of date")
    parser.add_argument("readme", type=Path, nargs="?", default=Path("README.md"))
    options = parser.parse_args(arguments)
    try:
        text = options.readme.read_text(encoding="utf-8")
        wanted = place_table(text, render_table(load_dags()))
    except (OSError, TableError) as problem:
        print(f"{options.readme}: {problem}", file=sys.stderr)
        return 1
    if text == wanted:
        return 0
    if options.check:
        command = f"python -m nova_mme_local.dag_table {options.readme}"
        print(f"{options.readme}: the table of DAGs is out of date; run {command}", file=sys.stderr)
        return 1
    options.readme.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

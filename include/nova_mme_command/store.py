"""Named stores: indexes of the vector bucket for texts of your own, beside those of the spaces."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from nova_mme.errors import NovaMMEError
from nova_mme.space import DIMENSIONS
from nova_mme.text_store.catalog import Catalog, Entry, Kind
from nova_mme_command.argument import words
from nova_mme_command.deployment import Deployment
from nova_mme_command.terminal import Terminal

NAME = "store"
SUMMARY = "list, create, describe and delete named stores"

_DEFAULT_DIMENSION = 1024


class NotConfirmed(NovaMMEError):
    """Nobody has said yes."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's own commands, and their options."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="list|create|info|delete")
    for name, run, what in (
        ("list", _list, "all indexes of the vector bucket"),
        ("create", _create, "make an empty store"),
        ("info", _info, "what a store is, and what is in it"),
        ("delete", _delete, "delete a store with all that is in it"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="as JSON")
        if name != "list":
            command.add_argument("name", metavar="NAME", type=words)
        if name == "create":
            command.add_argument("--dimension", type=int, choices=DIMENSIONS, default=_DEFAULT_DIMENSION)
        if name == "delete":
            command.add_argument("--yes", action="store_true", help="do not ask")


def open_catalog(deployment: Deployment) -> Catalog:
    """The deployment's indexes."""
    return Catalog(deployment.s3vectors, deployment.settings.vector_bucket, deployment.registry.read())


def _list(deployment: Deployment, options: argparse.Namespace) -> int:
    entries, terminal = open_catalog(deployment).list(), Terminal()
    if options.json:
        terminal.write_json({"stores": [entry.as_document() for entry in entries]})
        return 0
    head = ("name", "kind", "dimension", "created")
    rows = [
        (entry.name, _tell_kind(entry), f"{entry.dimension}", _tell_moment(entry.created))
        for entry in sorted(entries, key=lambda entry: (entry.kind is not Kind.STORE, entry.name))
    ]
    if rows:
        terminal.show_table(head, rows, right="dimension")
    if not any(entry.kind is Kind.STORE for entry in entries):
        terminal.tell("There is no named store yet; `store create NAME` makes one.")
    return 0


def _create(deployment: Deployment, options: argparse.Namespace) -> int:
    entry, terminal = open_catalog(deployment).create(options.name, options.dimension), Terminal()
    if options.json:
        terminal.write_json(entry.as_document())
    else:
        terminal.say(
            f"Made the store {entry.name}, {entry.dimension} dimensions. `index 'notes/**/*.md' --store {entry.name}` "
            "fills it."
        )
    return 0


def _info(deployment: Deployment, options: argparse.Namespace) -> int:
    catalog, terminal = open_catalog(deployment), Terminal()
    entry = catalog.find(options.name)
    document: dict[str, Any] = entry.as_document()
    if entry.kind is Kind.STORE:
        terminal.live(f"Counting {entry.name} ...")
        opened = catalog.open(entry.name)
        document |= {"space": opened.space.name, **opened.count().as_document()}
        terminal.settle()
    if options.json:
        terminal.write_json(document)
        return 0
    facts = {**document, "kind": _tell_kind(entry)}
    for name in ("created", "indexed"):
        if facts.get(name):
            facts[name] = _tell_moment(facts[name])
    for name, value in facts.items():
        terminal.say(f"{name:<10} {f'{value:,}' if isinstance(value, int) else value or '-'}")
    if entry.kind is Kind.SPACE:
        terminal.tell("`status` tells what is in a space.")
    return 0


def _delete(deployment: Deployment, options: argparse.Namespace) -> int:
    catalog, terminal = open_catalog(deployment), Terminal()
    entry = catalog.require_store(options.name)
    if not options.yes:
        _confirm(f"Delete the store {entry.name} with all that is in it?")
    catalog.delete(entry.name)
    if options.json:
        terminal.write_json({"deleted": entry.name})
    else:
        terminal.say(f"Deleted the store {entry.name}.")
    return 0


def _confirm(question: str) -> None:
    """Ask a person.

    :raises NotConfirmed: when there is none, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise NotConfirmed("Nothing was deleted: nobody can be asked here. Say --yes if it is meant.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotConfirmed("Nothing was deleted.")


def _tell_kind(entry: Entry) -> str:
    return f"space {entry.space}" if entry.kind is Kind.SPACE else entry.kind.value


def _tell_moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M UTC")

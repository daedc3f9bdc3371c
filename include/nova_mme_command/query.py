"""Ask a named store: the chunks nearest to a text, best first."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from urllib.parse import unquote_to_bytes

from nova_mme.nova import text_query
from nova_mme.search.request import PAGE
from nova_mme.search.wording import flatten
from nova_mme.space import FULL_DIMENSION
from nova_mme.text_store.named_store import Passage
from nova_mme_command.argument import reading_arguments, whole, words
from nova_mme_command.deployment import Deployment
from nova_mme_command.store import open_catalog
from nova_mme_command.terminal import Terminal

NAME = "query"
SUMMARY = "ask a named store"

_FILE = "file://"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("text", type=words, metavar="TEXT", help="what to look for")
    parser.add_argument("--store", required=True, type=words, metavar="NAME", help="`store list` shows them")
    parser.add_argument(
        "--top-k", type=whole(1, PAGE), default=10, metavar="N", help="chunks wanted (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with the chunks' whole texts")
    parser.set_defaults(run=run)


def run(deployment: Deployment, options: argparse.Namespace) -> int:
    """Ask, and print what was found."""
    with reading_arguments():
        text_query(options.text, dimension=FULL_DIMENSION)
    store, terminal = open_catalog(deployment).open(options.store), Terminal()
    found = store.find(options.text, bedrock=deployment.bedrock, top_k=options.top_k)
    if options.json:
        terminal.write_json(
            {
                "query": options.text,
                "store": store.name,
                "dimension": store.dimension,
                "space": store.space.name,
                "score": "cosine similarity (1 - distance)",
                "results": [passage.as_document() for passage in found],
            }
        )
    elif found:
        _show(found, terminal)
    else:
        terminal.tell(f"The store {store.name} is empty; `index` fills it.")
    return 0


def _show(found: list[Passage], terminal: Terminal) -> None:
    rows = [
        (f"{rank}", f"{one.score:.3f}", _tell_file(one), f"{one.start:,} to {one.end:,}")
        for rank, one in enumerate(found, 1)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns if terminal.out.isatty() else None
    for row, one in zip(rows, found, strict=True):
        rank, score, file, span = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.say(
            f"{rank.strip().rjust(widths[0])}  {score}  {terminal.paint(file, 'bold')}  {span}".rstrip()
        )
        indent = " " * (widths[0] + 2)
        terminal.say(indent + flatten(one.snippet)[: room and max(20, room - len(indent))])


def _tell_file(passage: Passage) -> str:
    """The file's path, from here if it is below; what else made the vector may have named it otherwise."""
    if not passage.uri.startswith(_FILE):
        return flatten(passage.uri or passage.name)
    path = os.fsdecode(unquote_to_bytes(passage.uri.removeprefix(_FILE)))
    here = Path.cwd()
    return flatten(os.path.relpath(path, here) if Path(path).is_relative_to(here) else path)

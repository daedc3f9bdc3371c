"""Search the active space: by words, by a file, or by a source that is stored already."""

from __future__ import annotations

import argparse
from pathlib import Path

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.nova import QUERY_BYTES
from nova_mme.search.batch import Reply
from nova_mme.search.condition_text import parse
from nova_mme.search.query import MediaQuery, Query, SourceQuery, TextQuery
from nova_mme.search.request import (
    DEFAULT_DIMENSION,
    DEFAULT_SHORTLIST,
    MAX_FOUND,
    MAX_TOP_K,
    PAGE,
    Request,
    Strategy,
    Way,
)
from nova_mme.search.result_table import render_table
from nova_mme.search.searcher import Searcher
from nova_mme.space import DIMENSIONS
from nova_mme_command.argument import reading_arguments, whole, words
from nova_mme_command.deployment import Deployment
from nova_mme_command.terminal import Terminal

NAME = "search"
SUMMARY = "search the active space by words, a file, or a stored source"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("text", nargs="?", type=words, metavar="TEXT", help="words to search with")
    asked.add_argument(
        "--file", type=Path, metavar="PATH", help="an image, a sound or a clip (at most 30 s), or a text"
    )
    asked.add_argument(
        "--source", type=words, metavar="S3URI", help="a stored source, to find others like it"
    )
    parser.add_argument(
        "--modality", choices=[one.value for one in Modality], help="the only one to look for"
    )
    parser.add_argument(
        "--condition",
        type=words,
        default="",
        metavar="TEXT",
        help='such as "uploaded >= 2026-01-01 and start < 30"',
    )
    parser.add_argument(
        "--prefix", type=words, default="", help="how the sources' URIs begin, below source_uri"
    )
    parser.add_argument("--strategy", choices=[one.value for one in Strategy], default=Strategy.FLAT.value)
    parser.add_argument("--dimension", type=int, choices=DIMENSIONS, default=DEFAULT_DIMENSION)
    parser.add_argument(
        "--shortlist",
        type=whole(1, MAX_FOUND),
        default=DEFAULT_SHORTLIST,
        metavar="N",
        help="so many segments a hierarchical search scores (%(default)s)",
    )
    parser.add_argument(
        "--top-k", type=whole(1, MAX_TOP_K), default=10, metavar="N", help="sources wanted (%(default)s)"
    )
    parser.add_argument(
        "--per-source", type=whole(1, PAGE), default=3, metavar="N", help="spans of one source (%(default)s)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the whole answer as JSON")
    form.add_argument(
        "--context",
        action="store_true",
        help="id, text, uri and span of what was found as JSON, for a language model",
    )
    parser.set_defaults(run=run)


def run(deployment: Deployment, options: argparse.Namespace) -> int:
    """Search once, and print what was found."""
    with reading_arguments():
        request = _read_request(options)
    searcher = Searcher(deployment.registry, deployment.s3vectors, deployment.bedrock, deployment.settings)
    reply = Reply(1, request, searcher.search(request))
    terminal = Terminal()
    if options.context and reply.answer:
        terminal.write_json(reply.answer.as_context())
    elif options.json:
        terminal.write_json(reply.as_document())
    else:
        terminal.say(render_table(reply, request.top_k))
    return 0


def _read_request(options: argparse.Namespace) -> Request:
    return Request(
        query=_read_query(options),
        way=Way(
            strategy=Strategy(options.strategy), dimension=options.dimension, shortlist=options.shortlist
        ),
        modality=Modality(options.modality) if options.modality else None,
        condition=parse(options.condition) if options.condition.strip() else None,
        prefix=options.prefix,
        top_k=options.top_k,
        per_source=options.per_source,
    )


def _read_query(options: argparse.Namespace) -> Query:
    if options.source is not None:
        return SourceQuery(options.source)
    query = _read_file(options.file) if options.file is not None else TextQuery(options.text)
    query.body(options.dimension)  # what the model cannot take is told before anything is asked
    return query


def _read_file(path: Path) -> TextQuery | MediaQuery:
    content = _read_bytes(path)
    if Modality.of_name(path.name) is Modality.TEXT:
        return TextQuery(content.decode("utf-8", "replace"))
    return MediaQuery(path.name, content)


def _read_bytes(path: Path) -> bytes:
    """The file, unless it is one that the model cannot take anyway: it goes into the request."""
    try:
        if path.exists() and not path.is_file():
            raise BadSetting(f"{path} is no file.")
        with path.open("rb") as file:
            return file.read(QUERY_BYTES + 1)
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}.") from error

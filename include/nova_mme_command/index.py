"""Put local text files into a named store: cut into chunks, embedded, kept up to date."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from nova_mme.search.wording import flatten
from nova_mme.text_store.chunk import DEFAULT_CHARACTERS, MAX_CHARACTERS, MIN_CHARACTERS, Cutting
from nova_mme.text_store.indexing import Fate, FileOutcome, Indexing
from nova_mme.text_store.text_file import drop_doubles, find_files
from nova_mme_command.argument import reading_arguments, whole, words
from nova_mme_command.deployment import Deployment
from nova_mme_command.store import open_catalog
from nova_mme_command.terminal import Terminal

NAME = "index"
SUMMARY = "put local text files into a named store"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "patterns",
        nargs="+",
        metavar="PATTERN",
        help="a file, a directory (all texts below it), or a quoted pattern such as 'notes/**/*.md'",
    )
    parser.add_argument("--store", required=True, type=words, metavar="NAME", help="`store create` makes one")
    parser.add_argument(
        "--chunk-characters",
        type=whole(MIN_CHARACTERS, MAX_CHARACTERS),
        default=DEFAULT_CHARACTERS,
        metavar="N",
        help="the longest chunk (%(default)s)",
    )
    parser.add_argument(
        "--overlap",
        type=whole(0, MAX_CHARACTERS),
        metavar="N",
        help="how much of a chunk the next one repeats at the most (a tenth of it)",
    )
    parser.add_argument("--json", action="store_true", help="what became of each file as JSON")
    parser.set_defaults(run=run)


def run(deployment: Deployment, options: argparse.Namespace) -> int:
    """Index the files; the exit code is 1 when one of them, or a pattern, came to nothing."""
    overlap = options.chunk_characters // 10 if options.overlap is None else options.overlap
    with reading_arguments():
        cutting = Cutting(options.chunk_characters, overlap)
    terminal = Terminal()
    paths, outcomes = _find_paths(options.patterns)
    store = open_catalog(deployment).open(options.store)
    indexing = Indexing(store, deployment.bedrock, cutting)
    done = len(outcomes)
    indexing.report = lambda count: terminal.live(
        f"{done:,} of {len(paths):,} files, {_count(count)} embedded"
    )
    for outcome in outcomes:
        _tell(outcome, terminal)
    try:
        for outcome in indexing.run(paths):
            outcomes.append(outcome)
            done += 1
            _tell(outcome, terminal)
    finally:
        terminal.settle()
    _sum_up(outcomes, options, terminal)
    return 1 if any(outcome.fate is Fate.FAILED for outcome in outcomes) else 0


def _find_paths(patterns: Sequence[str]) -> tuple[list[Path], list[FileOutcome]]:
    """The files, and an outcome for each pattern that stands for none."""
    paths: list[Path] = []
    lost: list[FileOutcome] = []
    for pattern in patterns:
        found = find_files(os.path.expanduser(pattern))
        paths += found
        if not found:
            lost.append(FileOutcome(pattern, Fate.FAILED, problem="There is no such file."))
    return drop_doubles(paths), lost


def _tell(outcome: FileOutcome, terminal: Terminal) -> None:
    if outcome.fate is Fate.FAILED:
        terminal.tell(f"{flatten(outcome.path)}: {flatten(outcome.problem)}")


def _sum_up(outcomes: Sequence[FileOutcome], options: argparse.Namespace, terminal: Terminal) -> None:
    counts = {fate: sum(outcome.fate is fate for outcome in outcomes) for fate in Fate}
    embedded = sum(outcome.embedded for outcome in outcomes)
    removed = sum(outcome.removed for outcome in outcomes)
    if options.json:
        terminal.write_json(
            {
                "store": options.store,
                **{fate.value: count for fate, count in counts.items()},
                "chunks_embedded": embedded,
                "chunks_removed": removed,
                "files": [outcome.as_document() for outcome in outcomes],
            }
        )
        return
    terminal.say(
        f"{counts[Fate.INDEXED]:,} indexed, {counts[Fate.UNCHANGED]:,} unchanged, {counts[Fate.FAILED]:,} failed; "
        f"{_count(embedded)} embedded, {removed:,} removed"
    )


def _count(chunks: int) -> str:
    return "1 chunk" if chunks == 1 else f"{chunks:,} chunks"

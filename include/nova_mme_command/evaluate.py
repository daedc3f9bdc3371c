"""`evaluate`: how good each way to search is on what is stored, as a table, a page and JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from nova_mme.errors import BadSetting
from nova_mme.evaluation.assessment import dump
from nova_mme.evaluation.evaluation import Evaluation, Extent
from nova_mme.evaluation.evaluation_page import render
from nova_mme.evaluation.evaluation_table import render_table
from nova_mme.evaluation.question import read_texts
from nova_mme_command.deployment import Deployment

NAME = "evaluate"
SUMMARY = "measure recall@10 of every dimension and of hierarchical search on what is stored"
OUTPUT = Path(".local/evaluation")
_DEFAULT = Extent()
_PARTS = {
    "read": "Reading vectors",
    "embed": "Embedding the queries",
    "rank": "Ranking",
    "search": "Searching for real",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--queries",
        default="",
        metavar="FILE",
        help='texts, one a line, or JSON lines {"text": "..."}; without, stored vectors are the queries',
    )
    for name, what in (
        ("sample", "vectors that are ranked exactly, at most"),
        ("count", "queries that are drawn when there is no file"),
        ("shortlist", "segments that a hierarchical search scores"),
        ("timed", "queries that each way is really searched with; 0: none"),
    ):
        default = getattr(_DEFAULT, "queries" if name == "count" else name)
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default: {default:,})"
        )
    parser.add_argument(
        "--output",
        type=Path,
        default=OUTPUT,
        metavar="FOLDER",
        help=f"where evaluation.html and evaluation.json go (default: {OUTPUT})",
    )


def run(deployment: Deployment, options: argparse.Namespace) -> int:
    """Evaluate, write page and figures, print the table; the exit code is 0.

    :raises BadSetting: for what :class:`Evaluation` raises it for, a file that cannot be read, a folder that cannot
        be written to.
    """
    extent = Extent(
        sample=options.sample, queries=options.count, shortlist=options.shortlist, timed=options.timed
    )
    texts = _read_texts(options.queries) if options.queries else []
    folder = _make(options.output)
    assessment = Evaluation(
        deployment.registry,
        deployment.s3vectors,
        deployment.bedrock,
        deployment.settings,
        texts,
        extent,
        folder,
        _choose_progress(),
    ).run()
    _write(folder / "evaluation.json", dump(assessment))
    _write(folder / "evaluation.html", render(assessment).encode("utf-8", "replace"))
    print(render_table(assessment))
    print(f"\nTo read: {folder / 'evaluation.html'}; all figures: {folder / 'evaluation.json'}")
    return 0


def _read_texts(path: str) -> list[str]:
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise BadSetting(f"The queries {path} cannot be read: {error.strerror}.") from error
    return read_texts(lines, path)


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"The folder {folder} cannot be made: {error.strerror}. Name another.") from error
    return folder


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise BadSetting(f"{path} cannot be written: {error.strerror}. Name another folder.") from error


def _choose_progress() -> Callable[[str, int, int], None]:
    """A line for each part on the error stream; how far it is, on a terminal only."""
    is_live = sys.stderr.isatty()

    def tell(part: str, done: int, total: int) -> None:
        if not total:
            print(f"{_PARTS[part]} ...", file=sys.stderr)
        elif is_live:
            end = "\n" if done == total else ""
            print(f"\r  {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)

    return tell

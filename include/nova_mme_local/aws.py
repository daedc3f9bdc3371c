"""Runs local AWS from the command line: `python -m nova_mme_local.aws --port 4566 --data DIR`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# Before numpy is loaded: its threads fight with ours over the few cores of a laptop, and small products
# become many times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    options = _read_options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("nova_mme_local").setLevel(logging.DEBUG if options.debug else logging.INFO)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        aws = _open(options)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"Local AWS did not start: {_explain(error, options)}", file=sys.stderr)
        return 1
    with aws:
        where = f"data in {options.data}" if options.data else "nothing is kept"
        print(f"Local AWS answers at {aws.url} ({where})", flush=True)
        stop.wait()
    return 0


def _open(options: argparse.Namespace):  # type: ignore[no-untyped-def]  # the import below is late
    from nova_mme_local.server import LocalAws

    return LocalAws(
        data=options.data,
        host=options.host,
        port=options.port,
        allow_remote=options.allow_remote,
        job_seconds=options.job_seconds,
        async_quota=options.async_quota,
        match_names=options.match_names,
    )


def _explain(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return f"{options.host}:{options.port}: {error.strerror}. Stop what uses it, or give another --port."
    return str(error)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nova_mme_local.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=4566, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--data", type=Path, help="directory that keeps everything; without it nothing is kept"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on an address that other machines can reach"
    )
    parser.add_argument(
        "--job-seconds", type=float, default=6.0, help="how long an async job takes (default: %(default)s)"
    )
    parser.add_argument(
        "--async-quota", type=int, default=20, help="async jobs in flight at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--no-match-names",
        dest="match_names",
        action="store_false",
        help="do not let words in file names help to find pictures and sounds by text",
    )
    parser.add_argument("--debug", action="store_true", help="log every call to stderr")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

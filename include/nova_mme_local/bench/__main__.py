"""Measures what was asked for, all of it by default: `python -m nova_mme_local.bench store parse`."""

from __future__ import annotations

import argparse
import sys

import nova_mme_local.bench as bench
from nova_mme_local.bench import demo, parse, plan, query, recall, search, store

_BENCHES = {
    "store": store.measure,
    "parse": parse.measure,
    "plan": plan.measure,
    "query": query.measure,
    "search": search.measure,
    "recall": recall.measure,
    "demo": demo.measure,
}


def main() -> int:
    """Run the benches one after the other; a missed target is told, and is no error."""
    parser = argparse.ArgumentParser(prog="bench", description=bench.__doc__)
    parser.add_argument("which", nargs="*", choices=[*_BENCHES, []], help="default: all")
    for name in parser.parse_args().which or _BENCHES:
        _BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())

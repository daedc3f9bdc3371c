"""One line of a job's output: its members, and its embedding as float64.

pysimdjson parses a line of 3072 numbers four times as fast as orjson, but there is no wheel of it for every
Python. It therefore only ever takes the short way, a good line; whatever is odd about a line is for orjson to
judge, so that both ways come to the same end.
"""

from __future__ import annotations

import math
from array import array
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.space import DIMENSIONS, FULL_DIMENSION

simdjson: Any = import_module("simdjson") if find_spec("simdjson") else None

# Least square of a norm that is still taken for a direction: far above float64's subnormal numbers.
_TINY = 1e-280

Line = tuple[dict[str, Any], NDArray[np.float64] | None]


class LineParser:
    """Parses the lines of output files, one at a time: pysimdjson keeps a document's memory in its parser.

    :param fast: use pysimdjson where it is installed.
    """

    def __init__(self, *, fast: bool = True) -> None:
        self._parser = simdjson.Parser() if fast and simdjson else None

    def parse(self, line: bytes) -> Line:
        """The members of a line except ``embedding``, and that: float64, shape (3072,).

        The latter is None when it is not 3072 finite numbers with a direction.

        :raises ValueError: when the line is no JSON object.
        """
        found = _parse_fast(self._parser, line) if self._parser else None
        return found or _parse_any(line)


def _parse_fast(parser: Any, line: bytes) -> Line | None:
    """A good line; None for anything else.

    pysimdjson flattens arrays within arrays without a word, finds the first of two equal names where others
    find the last, and skips a byte order mark: lines with more than one array, equal names, or another
    beginning are not for it.
    """
    bracket = line.find(b"[")
    if line[:1] != b"{" or line.find(b"[", bracket + 1) > 0:  # far faster than to count them
        return None
    try:
        document = parser.parse(line)
        names = list(document.keys())
        vector = np.frombuffer(document["embedding"].as_buffer(of_type="d"))
        members = {name: _plain(document[name]) for name in names if name != "embedding"}
    # RuntimeError: something, such as a debugger, still holds a part of the line before.
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError):
        return None
    if len(vector) != FULL_DIMENSION or len(members) + 1 != len(names) or not _has_direction(vector):
        return None
    return members, vector


def _plain(value: Any) -> Any:
    # No part of the document may outlive this call, or the parser refuses the next line.
    return value.as_dict() if isinstance(value, simdjson.Object) else value


def _parse_any(line: bytes) -> Line:
    record = orjson.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"it is of type {type(record).__name__}, not an object")
    vector = _read_numbers(record.pop("embedding", None))
    return record, vector if vector is not None and _has_direction(vector) else None


def _read_numbers(values: Any) -> NDArray[np.float64] | None:
    if not isinstance(values, list) or len(values) != FULL_DIMENSION:
        return None
    if not set(map(type, values)) <= {float, int}:  # truth values would count as numbers
        return None
    return np.frombuffer(array("d", values))


def _has_direction(vector: NDArray[np.float64]) -> bool:
    # The shortest prefix has to have a direction too, for it becomes the 256-d vector; and squares must neither
    # vanish nor overflow, for the norm is made of them.
    head = vector[: DIMENSIONS[0]]
    with np.errstate(over="ignore"):
        return bool(np.dot(head, head) > _TINY) and math.isfinite(np.dot(vector, vector))

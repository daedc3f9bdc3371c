"""Faults on demand: throttles, errors, delays, lost answers and failing jobs, so that tests can prove what happens then.

`PUT /_local/faults` replaces the list; every entry is checked, because a fault that silently never fires
would make a test pass for nothing.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


class BadFault(ValueError):
    """An entry of the list makes no sense; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class CallFault:
    """What happens to one call: a delay, then (unless `code` is empty and nothing is dropped) an error.

    With `after`, the call is carried out first and only its answer is lost.
    """

    code: str = ""
    status: int | None = None
    message: str = "Injected by /_local/faults"
    delay_seconds: float = 0.0
    drop_connection: bool = False
    after: bool = False

    @property
    def only_slow(self) -> bool:
        """True when the call is delayed and otherwise left alone."""
        return not (self.code or self.drop_connection)


@dataclass(frozen=True, slots=True)
class JobFault:
    """What happens to one async job: it takes longer, fails as a whole, or some of its segments fail."""

    status: str | None = None
    message: str = ""
    failed_segments: tuple[int, ...] = ()
    failure_reason: str = "INVALID_CONTENT"
    delay_seconds: float = 0.0


@dataclass(slots=True)
class _Entry:
    """One entry of the list: what it matches, what it does, how often it may still do it (None = for ever)."""

    told: Mapping[str, Any]
    fault: CallFault | JobFault
    left: int | None

    def consume(self) -> None:
        if self.left is not None:
            self.left -= 1


class Faults:
    """The list of faults that is in force; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._random = random.Random(0)

    def replace(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Put `entries` in force instead of what was; BadFault (and no change) when one of them makes no sense.

        The draws of "probability" start anew: the same list and the same calls give the same faults.
        """
        parsed = [_parse_entry(entry, number) for number, entry in enumerate(entries, 1)]
        with self._lock:
            self._entries = parsed
            self._random = random.Random(0)

    def show(self) -> list[dict[str, Any]]:
        """Return the entries as they were given, with "left": how often each may still happen (null = for ever)."""
        with self._lock:
            return [{**entry.told, "left": entry.left} for entry in self._entries]

    def asks_for_index(self, operation: str) -> bool:
        """Whether a fault on `operation` depends on the index a call names (then the body must be read)."""
        with self._lock:
            return any(
                "index" in entry.told and fnmatchcase(operation, entry.told["operation"])
                for entry in self._entries
                if isinstance(entry.fault, CallFault)
            )

    def for_call(self, operation: str, *, index: str | None) -> CallFault | None:
        """Return the first fault that hits this call ("s3vectors.PutVectors"), and use it up once."""
        with self._lock:
            for entry in self._entries:
                if isinstance(entry.fault, CallFault) and self._hits_call(entry, operation, index):
                    entry.consume()
                    return entry.fault
        return None

    def for_job(self, source_uri: str) -> JobFault | None:
        """Return the first fault whose pattern is found in the job's source uri, and use it up once."""
        with self._lock:
            for entry in self._entries:
                if isinstance(entry.fault, JobFault) and entry.left != 0:
                    if re.search(entry.told["job"], source_uri) is None:
                        continue
                    entry.consume()
                    return entry.fault
        return None

    def _hits_call(self, entry: _Entry, operation: str, index: str | None) -> bool:
        told = entry.told
        if entry.left == 0 or not fnmatchcase(operation, told["operation"]):
            return False
        if "index" in told and told["index"] != index:
            return False
        return "probability" not in told or self._random.random() < told["probability"]


_KINDS: dict[str, tuple[type, ...]] = {
    "operation": (str,),
    "index": (str,),
    "code": (str,),
    "status": (int,),
    "message": (str,),
    "times": (int,),
    "probability": (int, float),
    "delay_seconds": (int, float),
    "drop_connection": (bool,),
    "after": (bool,),
}
_JOB_KINDS: dict[str, tuple[type, ...]] = {
    "job": (str,),
    "status": (str,),
    "message": (str,),
    "failed_segments": (list,),
    "failure_reason": (str,),
    "delay_seconds": (int, float),
    "times": (int,),
}


def _parse_entry(entry: Any, number: int) -> _Entry:
    where = f"Fault {number}"
    if not isinstance(entry, Mapping) or ("operation" in entry) == ("job" in entry):
        raise BadFault(f'{where} must be an object with either "operation" or "job"')
    _check_kinds(entry, _JOB_KINDS if "job" in entry else _KINDS, where)
    if "job" in entry:
        return _Entry(entry, _parse_job(entry, where), entry.get("times"))
    default = None if "probability" in entry else 1
    return _Entry(entry, _parse_call(entry, where), entry.get("times", default))


def _check_kinds(entry: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]], where: str) -> None:
    for name, value in entry.items():
        if name not in kinds:
            raise BadFault(f'{where} has the unknown member "{name}"; known are: {", ".join(kinds)}')
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and bool not in kinds[name]):
            raise BadFault(f'{where}: "{name}" must be of type {kinds[name][0].__name__}')
        if isinstance(value, (int, float)) and value < 0:
            raise BadFault(f'{where}: "{name}" must not be negative')


def _parse_call(entry: Mapping[str, Any], where: str) -> CallFault:
    names = ("code", "status", "message", "delay_seconds", "drop_connection", "after")
    fault = CallFault(**{name: entry[name] for name in names if name in entry})
    if fault.only_slow and not fault.delay_seconds and not fault.after:
        raise BadFault(f'{where} does nothing: give it "code", "delay_seconds", "drop_connection" or "after"')
    if fault.only_slow and fault.after:  # a lost answer without an error code is a lost connection
        fault = CallFault(delay_seconds=fault.delay_seconds, drop_connection=True, after=True)
    if fault.status is not None and not 400 <= fault.status <= 599:
        raise BadFault(f'{where}: "status" must be between 400 and 599')
    return fault


def _parse_job(entry: Mapping[str, Any], where: str) -> JobFault:
    if entry.get("status") not in (None, "Failed"):
        raise BadFault(f'{where}: the "status" of a job fault can only be "Failed"')
    try:
        re.compile(entry["job"])
    except re.error as error:
        raise BadFault(f'{where}: "job" is no regular expression: {error}') from None
    segments = entry.get("failed_segments", [])
    if not all(isinstance(segment, int) for segment in segments):
        raise BadFault(f'{where}: "failed_segments" must be a list of segment indexes')
    names = ("status", "message", "failure_reason", "delay_seconds")
    return JobFault(failed_segments=tuple(segments), **{name: entry[name] for name in names if name in entry})

"""Keeps Ctrl-C from falling between starting a process and noting it, or into the middle of ending it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """SIGTERM or SIGHUP came; like KeyboardInterrupt it is no Exception, so that only cleaning up catches it."""


def raise_on_termination() -> None:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does; call it from the main thread."""

    def unwind(number: int, frame: FrameType | None) -> None:
        raise Terminated(signal.Signals(number).name)

    for number in _SIGNALS[1:]:
        signal.signal(number, unwind)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Deliver Ctrl-C, SIGTERM and SIGHUP at the end of the block; outside the main thread this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = {number: signal.signal(number, lambda *what: came.append(what)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for signalled, frame in came[:1]:
        _deliver(before[signal.Signals(signalled)], signalled, frame)


def _deliver(handler: object, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(number)

"""Values on the command line: what they may be, and the error for those that they may not."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nova_mme.errors import BadSetting, NovaMMEError


class WrongCommandLine(NovaMMEError):
    """What was typed cannot be meant; the exit code is 2, as for what argparse finds."""


@contextmanager
def reading_arguments() -> Iterator[None]:
    """Whatever the core refuses meanwhile was typed."""
    try:
        yield
    except BadSetting as error:
        raise WrongCommandLine(str(error)) from error


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of a whole number within bounds, for argparse."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low:,} to {high:,}")
        return number

    return read


def words(text: str) -> str:
    """The type of a text, for argparse: bytes that are no UTF-8 reach Python as halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError("the text is not UTF-8") from error
    return text

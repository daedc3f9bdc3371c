"""What is told of a result in a line: where it is in its source, and texts that nobody has vouched for."""

from __future__ import annotations

import re

from nova_mme.search.grouping import Span

# Controls end lines and colour terminals; the others turn the direction of what follows them (Unicode UAX #9).
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+")


def flatten(text: str) -> str:
    """The text in one line, without characters that control a terminal or the direction of writing."""
    return _DIRECTIONS.sub("", _CONTROLS.sub(" ", text))


def tell_place(span: Span) -> str:
    """Where in its source a span is: ``0:05 to 0:15``, ``page 3``, ``characters 0 to 1,200``; empty for an image."""
    if span.start_seconds is not None and span.end_seconds is not None:
        return f"{_tell_time(span.start_seconds)} to {_tell_time(span.end_seconds)}"
    if span.first_page is not None and span.last_page is not None:
        is_one = span.first_page == span.last_page
        return f"page {span.first_page}" if is_one else f"pages {span.first_page} to {span.last_page}"
    if span.start_character is not None and span.end_character is not None:
        return f"characters {span.start_character:,} to {span.end_character:,}"
    return ""


def _tell_time(seconds: float) -> str:
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    told = f"{rest // 10:02}" + (f".{rest % 10}" if rest % 10 else "")
    return f"{hours}:{minutes:02}:{told}" if hours else f"{minutes}:{told}"

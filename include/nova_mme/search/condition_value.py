"""Values of conditions as people write them: numbers, dates, times of a recording, sizes, truth and text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from nova_mme.errors import BadSetting
from nova_mme.search.condition import Value
from nova_mme.search.field import Field, Kind

_NUMBER = re.compile(r"[+-]?(\d{1,16}(\.\d{0,16})?|\.\d{1,16})", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{0,6})?)", re.ASCII)
_SIZE = re.compile(r"(\d{1,16}(?:\.\d{0,16})?)\s?([kmg]?)i?b", re.ASCII | re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_TRUTH = {"true": True, "false": False}


def read_value(field: Field, text: str, *, is_quoted: bool = False) -> Value:
    """A value as a field of this kind takes it; of a day, its first second.

    :param is_quoted: a text even where it reads as a number; for fields of any kind.
    :raises BadSetting: saying how such a value is written.
    """
    match field.kind:
        case Kind.TEXT:
            return _read_choice(field, text)
        case Kind.NUMBER:
            return _read_number(text, f"{field.name} is a number, such as 3; {text!r} is none.")
        case Kind.SECONDS:
            return _read_seconds(field, text)
        case Kind.BYTES:
            return _read_size(field, text)
        case Kind.DATE:
            return read_days(field, text)[0]
    return text if is_quoted else _guess(text)


def read_days(field: Field, text: str) -> tuple[int | float, int | float | None]:
    """The epoch second of a date, and the first one after it where it is a whole day.

    :raises BadSetting: when it is no date.
    """
    if _NUMBER.fullmatch(text):
        return _read_number(text, ""), None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            first = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return int(first.timestamp()), int((first + timedelta(days=1)).timestamp())
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp(), None
    except (ValueError, OverflowError) as error:
        raise BadSetting(
            f"{field.name} is a date, such as 2026-01-31 or 2026-01-31T18:30 (UTC); {text!r} is none."
        ) from error


def _read_choice(field: Field, text: str) -> str:
    if not field.choices:
        return text
    found = next((choice for choice in field.choices if choice.casefold() == text.casefold()), None)
    if found is None:
        raise BadSetting(f"There is no {field.name} {text!r}; it can be {', '.join(field.choices)}.")
    return found


def _read_number(text: str, complaint: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise BadSetting(complaint)
    number = float(text)
    return int(number) if number.is_integer() else number


def _read_seconds(field: Field, text: str) -> int | float:
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), float(clock[3])
        total = hours * 3600 + minutes * 60 + seconds
        return int(total) if total.is_integer() else total
    return _read_number(text, f"{field.name} is in seconds, such as 90 or 1:30; {text!r} is neither.")


def _read_size(field: Field, text: str) -> int | float:
    if size := _SIZE.fullmatch(text):
        return int(float(size[1]) * _FACTORS[size[2].lower()])
    return _read_number(text, f"{field.name} is in bytes, such as 5000 or 10MB; {text!r} is neither.")


def _guess(text: str) -> Value:
    if _NUMBER.fullmatch(text):
        return _read_number(text, "")
    return _TRUTH.get(text.casefold(), text)

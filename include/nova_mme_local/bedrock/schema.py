"""Checks model requests against a JSON schema and words the violations as Bedrock does.

Bedrock checks a body before the model sees it, and names the place by a JSON pointer: "#/a: required key [b]
not found". Limits and names are written down here anew instead of taken from `nova_mme`: a mistake made there
must not be made here as well, or no local run would ever find it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from nova_mme_local.wire import AwsError

# A check gets a value and the JSON pointer to it, and yields sentences.
Check = Callable[[Any, str], Iterator[str]]

_TYPE_NAMES = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "BigDecimal",
    type(None): "Null",
}


def check_body(check: Check, body: Any) -> None:
    """Raise AwsError("ValidationException") naming all that is wrong with `body`."""
    violations = list(check(body, "#"))
    if violations:
        refuse("; ".join(violations))


def refuse(reason: str) -> NoReturn:
    """Refuse a body for a reason that no schema tells."""
    raise AwsError(
        "ValidationException",
        f"Malformed input request: {reason}, please reformat your input and try again.",
    )


def expect_object(
    required: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
    *,
    one_of: Mapping[str, Check] | None = None,
) -> Check:
    """An object with these members and no others; of the members in `one_of`, exactly one."""
    choices = one_of or {}
    members = {**required, **(optional or {}), **choices}

    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from _check_type(value, pointer, dict)
        if not isinstance(value, dict):
            return
        for name in required:
            if name not in value:
                yield f"{pointer}: required key [{name}] not found"
        for name in value:
            if name not in members:
                yield f"{pointer}: extraneous key [{name}] is not permitted"
        found = [name for name in choices if name in value]
        if choices and len(found) != 1:
            yield f"{pointer}: exactly one of [{', '.join(choices)}] must be present, found: {len(found)}"
        for name, member in members.items():
            if name in value:
                yield from member(value[name], f"{pointer}/{name}")

    return check


def expect_string(*, least: int = 0, most: int | None = None, pattern: str | None = None) -> Check:
    """A string of `least` to `most` characters that matches `pattern` from end to end."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from _check_type(value, pointer, str)
        if not isinstance(value, str):
            return
        if len(value) < least:
            yield f"{pointer}: expected minLength: {least}, actual: {len(value)}"
        if most is not None and len(value) > most:
            yield f"{pointer}: expected maxLength: {most}, actual: {len(value)}"
        if pattern is not None and re.fullmatch(pattern, value, re.DOTALL) is None:
            yield f"{pointer}: string [{value[:100]}] does not match pattern ^{pattern}$"

    return check


def expect_integer(least: int, most: int) -> Check:
    """An integer between `least` and `most`, both included; 5.0 and true are none."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from _check_type(value, pointer, int)
        if type(value) is not int:
            return
        if value < least:
            yield f"{pointer}: {value} is not greater or equal to {least}"
        if value > most:
            yield f"{pointer}: {value} is not less or equal to {most}"

    return check


def expect_boolean() -> Check:
    """True or false."""
    return lambda value, pointer: _check_type(value, pointer, bool)


def expect_one_of(*choices: str | int) -> Check:
    """One of these values, of the same type."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            yield f"{pointer}: {_show(value)} is not a valid enum value"

    return check


def expect_list(item: Check, *, least: int = 0) -> Check:
    """A list of at least `least` items."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from _check_type(value, pointer, list)
        if not isinstance(value, list):
            return
        if len(value) < least:
            yield f"{pointer}: expected minimum item count: {least}, found: {len(value)}"
        for number, member in enumerate(value):
            yield from item(member, f"{pointer}/{number}")

    return check


def _check_type(value: Any, pointer: str, wanted: type) -> Iterator[str]:
    if type(value) is not wanted:
        found = _TYPE_NAMES.get(type(value), type(value).__name__)
        yield f"{pointer}: expected type: {_TYPE_NAMES[wanted]}, found: {found}"


def _show(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)

"""Checks request parameters against botocore's service models, so that local AWS refuses what AWS would refuse.

botocore itself checks minimum lengths and types only before it sends a request; maxima, enums and patterns
are left to the service, hence to us.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel, Shape

# (path of the member, what is wrong with it): one entry of a ValidationException's fieldList.
Violation = tuple[str, str]


@functools.cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of `service` ("s3vectors", "bedrock-runtime", ...); loaded once per process."""
    return botocore.session.Session().get_service_model(service)


def find_error_shape(service: str, code: str) -> Any:
    """Return the model's shape of an error, or None when service or error is unknown to botocore."""
    try:
        model = service_model(service)
    except UnknownServiceError:
        return None
    return model.shape_for(code) if code in model.shape_names else None


def find_violations(shape: Shape, value: Any, path: str = "") -> Iterator[Violation]:
    """Yield what `value` breaks in `shape`, in document order; lists of floats are left to the service (numpy)."""
    if getattr(shape, "is_document_type", False):
        return
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path)


def _check_structure(shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield path, "Member must be a structure"
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path}/{name}", "Member must not be null"
    if shape.metadata.get("union") and sum(value.get(name) is not None for name in shape.members) != 1:
        yield path, f"Exactly one member must be set, of: {', '.join(shape.members)}"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from find_violations(member, value[name], f"{path}/{name}")


def _check_list(shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield path, "Member must be a list"
        return
    yield from _check_length(shape, len(value), path)
    if shape.member.type_name == "float":
        return
    for number, item in enumerate(value, 1):
        yield from find_violations(shape.member, item, f"{path}/{number}")


def _check_map(shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield path, "Member must be a map"
        return
    yield from _check_length(shape, len(value), path)
    for key, item in value.items():
        yield from find_violations(shape.key, key, f"{path}/{key}")
        yield from find_violations(shape.value, item, f"{path}/{key}")


def _check_string(shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield path, "Member must be a string"
        return
    yield from _check_length(shape, len(value), path)
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield path, f"Member must satisfy enum value set: [{', '.join(enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield path, f"Member must satisfy regular expression pattern: {pattern}"


def _check_length(shape: Any, length: int, path: str) -> Iterator[Violation]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and length < low) or (high is not None and length > high):
        wanted = f"between {low or 0} and {high}, inclusive" if high is not None else f"at least {low}"
        yield path, f"Member must have length {wanted}, but has length {length}"


def _check_number(shape: Any, value: Any, path: str) -> Iterator[Violation]:
    wanted = (int,) if shape.type_name in ("integer", "long") else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        yield path, f"Member must be {'an integer' if wanted == (int,) else 'a number'}"
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield path, f"Member must have value greater than or equal to {low}"
    if high is not None and value > high:
        yield path, f"Member must have value less than or equal to {high}"


def _check_boolean(_shape: Any, value: Any, path: str) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield path, "Member must be a boolean"


_CHECKS = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "integer": _check_number,
    "long": _check_number,
    "float": _check_number,
    "double": _check_number,
    "boolean": _check_boolean,
}


def _matches(pattern: str, value: str) -> bool:
    """Match a pattern of the model, which is Java's dialect: `\\p{L}` and its kin are unknown to `re`.

    Characters of those classes are folded to one stand-in of the same class (a, 0 or a space) first.
    """
    if r"\p{" not in pattern:
        return _compile(pattern).fullmatch(value) is not None
    folded = "".join(_fold(character) for character in value)
    return _compile(pattern).fullmatch(folded) is not None


def _fold(character: str) -> str:
    return {"L": "a", "N": "0", "Z": " "}.get(unicodedata.category(character)[0], character)


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\p{L}", "a").replace(r"\p{N}", "0").replace(r"\p{Z}", " "))

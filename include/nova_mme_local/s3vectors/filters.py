"""Metadata filters: checked as Amazon S3 Vectors checks them, compiled once, then asked of every vector.

Operators, value types and the limit of constraints: "Metadata filtering" in the S3 Vectors user guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nova_mme_local.wire import AwsError

MAX_CONSTRAINTS = 100  # evaluated values per query: an $in of three counts three

Accepts = Callable[[Mapping[str, Any]], bool]
Test = Callable[[Any], bool]

_ABSENT = object()


def compile_filter(expression: Any, *, non_filterable: frozenset[str]) -> Accepts:
    """Turn a filter document into a predicate on metadata; AwsError("ValidationException") when it is invalid.

    A vector without the key satisfies no operator but `{"$exists": false}`.
    """
    return _Compiler(non_filterable).compile(expression)


class _Compiler:
    """Compiles one filter, and counts its constraints on the way."""

    def __init__(self, non_filterable: frozenset[str]) -> None:
        self._non_filterable = non_filterable
        self._constraints = 0

    def compile(self, expression: Any) -> Accepts:
        if not isinstance(expression, dict) or not expression:
            raise _invalid("a filter must be a JSON object with at least one condition")
        parts = [self._compile_member(name, value) for name, value in expression.items()]
        return _all(parts)

    def _compile_member(self, name: str, value: Any) -> Accepts:
        if name in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise _invalid(f"{name} needs a non-empty array of filters")
            parts = [self.compile(part) for part in value]
            return _all(parts) if name == "$and" else _any(parts)
        if name.startswith("$"):
            raise _invalid(f"unknown operator {name}")
        if name in self._non_filterable:
            raise _invalid(f"the metadata key '{name}' is not filterable in this index")
        return self._compile_key(name, value)

    def _compile_key(self, key: str, condition: Any) -> Accepts:
        conditions = condition if isinstance(condition, dict) else {"$eq": condition}
        if not conditions:
            raise _invalid(f"the condition on '{key}' is empty")
        parts = [self._compile_operator(key, operator, wanted) for operator, wanted in conditions.items()]
        return _all(parts)

    def _compile_operator(self, key: str, operator: str, wanted: Any) -> Accepts:
        if operator not in _OPERATORS:
            raise _invalid(f"unknown operator {operator}")
        fits, needs, build = _OPERATORS[operator]
        if not fits(wanted):
            raise _invalid(f"{operator} on '{key}' needs {needs}")
        self._constraints += len(wanted) if isinstance(wanted, list) else 1
        if self._constraints > MAX_CONSTRAINTS:
            raise _invalid(f"a filter may have at most {MAX_CONSTRAINTS} constraints")
        if operator == "$exists":
            return lambda metadata: (key in metadata) is wanted
        return _on_key(key, build(wanted))


def _on_key(key: str, test: Test) -> Accepts:
    def accepts(metadata: Mapping[str, Any]) -> bool:
        value = metadata.get(key, _ABSENT)
        return value is not _ABSENT and test(value)

    return accepts


def _all(parts: list[Accepts]) -> Accepts:
    first, *rest = parts
    return _both(first, _all(rest)) if rest else first


def _both(first: Accepts, second: Accepts) -> Accepts:
    # Nested closures: all() over a generator takes twice as long, and this runs for every vector.
    return lambda metadata: first(metadata) and second(metadata)


def _any(parts: list[Accepts]) -> Accepts:
    return lambda metadata: any(part(metadata) for part in parts)


def _invalid(reason: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid query filter: {reason}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_primitive(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def _is_array(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_primitive, value))


def _is_one_of(wanted: list[Any]) -> Test:
    """Equality within one type (1, true and "1" all differ); an array equals when one of its elements does."""
    strings = {item for item in wanted if isinstance(item, str)}
    booleans = {item for item in wanted if isinstance(item, bool)}
    numbers = {item for item in wanted if _is_number(item)}
    choices: dict[type, set[Any]] = {str: strings, bool: booleans, int: numbers, float: numbers}

    def test(value: Any) -> bool:
        if type(value) is list:
            return any(test(item) for item in value)
        return value in choices.get(type(value), set())

    return test


def _equals(wanted: Any) -> Test:
    return _is_one_of([wanted])


def _negate(build: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def built(wanted: Any) -> Test:
        test = build(wanted)
        return lambda value: not test(value)

    return built


_PRIMITIVE = (_is_primitive, "a string, a number or a boolean")
_NUMBER = (_is_number, "a number")
_ARRAY = (_is_array, "a non-empty array of strings, numbers or booleans")

# operator: (is the wanted value of the right type?, what it needs, how its test is built)
_OPERATORS: dict[str, tuple[Callable[[Any], bool], str, Callable[[Any], Test]]] = {
    "$eq": (*_PRIMITIVE, _equals),
    "$ne": (*_PRIMITIVE, _negate(_equals)),
    "$gt": (*_NUMBER, lambda wanted: lambda value: _is_number(value) and value > wanted),
    "$gte": (*_NUMBER, lambda wanted: lambda value: _is_number(value) and value >= wanted),
    "$lt": (*_NUMBER, lambda wanted: lambda value: _is_number(value) and value < wanted),
    "$lte": (*_NUMBER, lambda wanted: lambda value: _is_number(value) and value <= wanted),
    "$in": (*_ARRAY, _is_one_of),
    "$nin": (*_ARRAY, _negate(_is_one_of)),
    "$exists": (lambda wanted: isinstance(wanted, bool), "a boolean", lambda wanted: lambda value: True),
    "$startsWith": (
        lambda wanted: isinstance(wanted, str),
        "a string",
        lambda wanted: lambda value: isinstance(value, str) and value.startswith(wanted),
    ),
}

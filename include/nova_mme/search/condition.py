"""Conditions on segments, as a small typed language, and the filter document of S3 Vectors that each becomes.

Operators, types and the limit of constraints: "Metadata filtering" in the S3 Vectors user guide. A segment without
the key satisfies nothing but ``Exists(name, present=False)``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.search.field import find_field

# Values that are compared, in one query: a OneOf of three counts three.
MAX_CONSTRAINTS = 100
# Whole numbers are exact up to here in JSON, and no time, size or count of ours comes near.
_LARGEST = 2**53

Value = str | int | float | bool
Number = int | float | date | datetime


class _Condition:
    """What all conditions can do."""

    __slots__ = ()

    @property
    @abstractmethod
    def count(self) -> int:
        """How many of the service's constraints it takes."""

    @abstractmethod
    def _document(self) -> dict[str, Any]:
        """Its part of the filter."""

    def to_filter(self) -> dict[str, Any]:
        """The filter document, every operator written out: the bare form has been refused by the service.

        :raises BadSetting: when it has more constraints than the service takes.
        """
        if self.count > MAX_CONSTRAINTS:
            raise BadSetting(
                f"The condition compares {self.count} values; S3 Vectors takes {MAX_CONSTRAINTS} in one query."
            )
        return self._document()


@dataclass(frozen=True, slots=True)
class Equals(_Condition):
    """A field has a value; negated, it has another one."""

    name: str
    value: Value
    negated: bool = False

    def __post_init__(self) -> None:
        find_field(self.name)
        _check_value(self.name, self.value)

    @property
    def count(self) -> int:
        """Always one."""
        return 1

    def _document(self) -> dict[str, Any]:
        return {find_field(self.name).key: {"$ne" if self.negated else "$eq": self.value}}


@dataclass(frozen=True, slots=True)
class OneOf(_Condition):
    """A field has one of these values; negated, it has another one."""

    name: str
    values: tuple[Value, ...]
    negated: bool = False

    def __post_init__(self) -> None:
        find_field(self.name)
        if not self.values:
            raise BadSetting(f"{self.name!r} is to be one of no values; name at least one.")
        for value in self.values:
            _check_value(self.name, value)

    @property
    def count(self) -> int:
        """As many as there are values."""
        return len(self.values)

    def _document(self) -> dict[str, Any]:
        return {find_field(self.name).key: {"$nin" if self.negated else "$in": list(self.values)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(_Condition):
    """A field lies within bounds, of which at least one is given.

    Dates become epoch seconds: a day is its midnight, and what names no time zone is UTC.
    """

    name: str
    at_least: Number | None = None
    above: Number | None = None
    at_most: Number | None = None
    below: Number | None = None

    def __post_init__(self) -> None:
        find_field(self.name)
        if not self._bounds():
            raise BadSetting(f"The range of {self.name!r} has no bound.")

    @property
    def count(self) -> int:
        """As many as there are bounds."""
        return len(self._bounds())

    def _bounds(self) -> dict[str, int | float]:
        given = {"$gte": self.at_least, "$gt": self.above, "$lte": self.at_most, "$lt": self.below}
        return {name: _to_number(self.name, bound) for name, bound in given.items() if bound is not None}

    def _document(self) -> dict[str, Any]:
        return {find_field(self.name).key: self._bounds()}


@dataclass(frozen=True, slots=True)
class Exists(_Condition):
    """A field is there, or is not."""

    name: str
    present: bool = True

    def __post_init__(self) -> None:
        find_field(self.name)

    @property
    def count(self) -> int:
        """Always one."""
        return 1

    def _document(self) -> dict[str, Any]:
        return {find_field(self.name).key: {"$exists": self.present}}


@dataclass(frozen=True, slots=True)
class And(_Condition):
    """All of these hold."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    @property
    def count(self) -> int:
        """That of all parts."""
        return sum(part.count for part in self.parts)

    def _document(self) -> dict[str, Any]:
        return {"$and": [part._document() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Or(_Condition):
    """At least one of these holds."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    @property
    def count(self) -> int:
        """That of all parts."""
        return sum(part.count for part in self.parts)

    def _document(self) -> dict[str, Any]:
        return {"$or": [part._document() for part in self.parts]}


Condition = Equals | OneOf | Range | Exists | And | Or


def join(*conditions: Condition | None) -> Condition | None:
    """One condition out of those that there are; None when there is none."""
    parts = tuple(condition for condition in conditions if condition is not None)
    return And(parts) if len(parts) > 1 else next(iter(parts), None)


def find_modality(condition: Condition | None) -> Modality | None:
    """The only modality that a condition lets through; None when there may be several."""
    match condition:
        case Equals(name, value, False) | OneOf(name, (value,), False) if _is_modality(name, value):
            return Modality(str(value))
        case And(parts):
            return next(filter(None, map(find_modality, parts)), None)
    return None


def _is_modality(name: str, value: object) -> bool:
    return find_field(name).key == "modalityType" and value in [modality.value for modality in Modality]


def _check_parts(parts: tuple[Condition, ...]) -> None:
    if not parts:
        raise BadSetting("There is nothing to combine; name at least one condition.")


def _check_value(name: str, value: object) -> None:
    if not (isinstance(value, (str, bool)) or _is_number(value)):
        raise BadSetting(
            f"{name!r} is compared with {value!r}; it can be a text, a finite number, true or false."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _to_number(name: str, bound: Number) -> int | float:
    if isinstance(bound, datetime):
        return (bound if bound.tzinfo else bound.replace(tzinfo=UTC)).timestamp()
    if isinstance(bound, date):
        return int(datetime(bound.year, bound.month, bound.day, tzinfo=UTC).timestamp())
    if not _is_number(bound):
        raise BadSetting(f"{name!r} is bounded by {bound!r}; it can be a finite number or a date.")
    return bound

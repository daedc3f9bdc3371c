"""Conditions as people type them: ``modality = image and uploaded >= 2026-01-01 and start < 30``.

    condition   = alternative ("or" alternative)*
    alternative = part ("and" part)*
    part        = "(" condition ")"
                | field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
                | field ["not"] "in" "(" value ("," value)* ")"
                | field ("exists" | "missing")

A field is a name of :data:`nova_mme.search.field.FIELDS` or a metadata key. What holds a space or one of
``( ) , = ! < >`` is quoted, with ' or ". A day stands for all of it: ``uploaded <= 2026-01-31`` includes its evening.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TypeVar

from nova_mme.errors import BadSetting
from nova_mme.search.condition import And, Condition, Equals, Exists, OneOf, Or, Range, Value
from nova_mme.search.condition_value import read_days, read_value
from nova_mme.search.field import Field, Kind, find_field

MAX_CHARACTERS = 4000
# Parentheses within parentheses.
_MAX_DEPTH = 20

_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted> "[^"]*" | '[^']*' ) | (?P<sign> <= | >= | != | == | [=<>(),] )"""
    r"""| (?P<word> [^\s"'(),=!<>]+ ) | (?P<wrong> \S ) )""",
    re.VERBOSE,
)
_COMPARISONS = frozenset({"=", "==", "!=", "<", "<=", ">", ">="})
_WORDS = frozenset({"and", "or", "not", "in", "exists", "missing"})

T = TypeVar("T")


class BadCondition(BadSetting):
    """A condition that cannot be read; the message shows the place.

    :ivar text: what was typed; ``position``: the character, from 0, at which it goes wrong.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        line = " ".join(text[:position].split(" ")).replace("\n", " ")
        super().__init__(f"{message}\n  {text.replace(chr(10), ' ')}\n  {' ' * len(line)}^")
        self.message = message
        self.text = text
        self.position = position


class _Token(NamedTuple):
    kind: str
    text: str
    position: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.casefold() in words


def parse(text: str) -> Condition | None:
    """Read a condition; None when nothing is typed.

    :raises BadCondition: naming what is wrong, and where.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadSetting(f"The condition has {len(text):,} characters; it can have {MAX_CHARACTERS:,}.")
    reader = _Reader(text, _cut(text))
    if reader.next.kind == "end":
        return None
    condition = reader.read_any(0)
    if reader.next.kind != "end":
        reader.fail(f"Here 'and', 'or' or the end was expected, not {reader.next.text!r}.")
    return condition


def _cut(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        token = _Token(kind, match[kind], match.start(kind))
        if kind == "wrong":
            quote = (
                "The quotation mark is not closed."
                if token.text in "\"'"
                else f"{token.text!r} means nothing."
            )
            raise BadCondition(quote, text, token.position)
        tokens.append(token)
    return [*tokens, _Token("end", "", len(text.rstrip()))]


@dataclass(slots=True)
class _Reader:
    """Reads tokens from the left, one ahead."""

    text: str
    tokens: list[_Token]
    place: int = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise BadCondition(message, self.text, self.next.position if position is None else position)

    def attempt(self, token: _Token, make: Callable[[], T]) -> T:
        """What is made of a token; what is wrong with it is told with its place."""
        try:
            return make()
        except BadCondition:
            raise
        except BadSetting as error:
            raise BadCondition(str(error), self.text, token.position) from error

    def read_any(self, depth: int) -> Condition:
        parts = [self.read_all(depth)]
        while self.next.is_word("or"):
            self.take()
            parts.append(self.read_all(depth))
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def read_all(self, depth: int) -> Condition:
        parts = [self.read_part(depth)]
        while self.next.is_word("and"):
            self.take()
            parts.append(self.read_part(depth))
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def read_part(self, depth: int) -> Condition:
        if self.next.text != "(" or self.next.kind != "sign":
            return self.read_comparison()
        if depth == _MAX_DEPTH:
            self.fail(f"There are over {_MAX_DEPTH} parentheses within each other.")
        self.take()
        condition = self.read_any(depth + 1)
        self.expect(")")
        return condition

    def expect(self, sign: str) -> None:
        if self.next.kind != "sign" or self.next.text != sign:
            self.fail(f"Here {sign!r} was expected.")
        self.take()

    def read_comparison(self) -> Condition:
        name = self.next
        if name.kind not in ("word", "quoted") or name.is_word(*_WORDS):
            self.fail("Here a field was expected, such as modality.")
        self.take()
        field = self.attempt(name, lambda: _find(name))
        operator = self.take()
        if operator.kind == "sign" and operator.text in _COMPARISONS:
            return self.compare(field, operator)
        if operator.is_word("exists", "missing"):
            return Exists(field.key, operator.is_word("exists"))
        is_negated = operator.is_word("not")
        if is_negated:
            operator = self.take()
        if not operator.is_word("in"):
            self.fail(
                f"After {name.text} one of = != < <= > >=, in, not in, exists or missing was expected.",
                operator.position,
            )
        return OneOf(field.key, self.read_values(field), is_negated)

    def read_values(self, field: Field) -> tuple[Value, ...]:
        if field.kind is Kind.DATE:
            self.fail(f"{field.name} is a date: use = != < <= > or >=.", self.tokens[self.place - 1].position)
        self.expect("(")
        values = [self.read_value(field)]
        while self.next.kind == "sign" and self.next.text == ",":
            self.take()
            values.append(self.read_value(field))
        self.expect(")")
        return tuple(values)

    def read_value(self, field: Field) -> Value:
        token = self.take_value()
        is_quoted = token.kind == "quoted"
        return self.attempt(token, lambda: read_value(field, _bare(token), is_quoted=is_quoted))

    def take_value(self) -> _Token:
        if self.next.kind not in ("word", "quoted"):
            self.fail("Here a value was expected.")
        return self.take()

    def compare(self, field: Field, operator: _Token) -> Condition:
        if field.kind is Kind.DATE:
            token = self.take_value()
            first, after = self.attempt(token, lambda: read_days(field, _bare(token)))
            return _compare_dates(field.key, operator.text, first, after)
        token, value = self.next, self.read_value(field)
        if operator.text in ("=", "==", "!="):
            return Equals(field.key, value, operator.text == "!=")
        if isinstance(value, (str, bool)):
            self.fail(f"{field.name} {operator.text} takes a number; {token.text} is none.", token.position)
        return _bound(field.key, operator.text, value)


def _find(token: _Token) -> Field:
    return find_field(_bare(token), is_exact=token.kind == "quoted")


def _bare(token: _Token) -> str:
    return token.text[1:-1] if token.kind == "quoted" else token.text


def _bound(key: str, operator: str, value: int | float) -> Range:
    match operator:
        case ">=":
            return Range(name=key, at_least=value)
        case ">":
            return Range(name=key, above=value)
        case "<=":
            return Range(name=key, at_most=value)
    return Range(name=key, below=value)


def _compare_dates(key: str, operator: str, first: int | float, after: int | float | None) -> Condition:
    """A day is from its first second to before the next one's; an instant is itself."""
    match operator:
        case "=" | "==":
            return Equals(key, first) if after is None else Range(name=key, at_least=first, below=after)
        case "!=" if after is not None:
            return Or((Range(name=key, below=first), Range(name=key, at_least=after)))
        case "!=":
            return Equals(key, first, negated=True)
        case ">" if after is not None:
            return Range(name=key, at_least=after)
        case "<=" if after is not None:
            return Range(name=key, below=after)
    return _bound(key, operator, first)

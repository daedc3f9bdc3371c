"""One search as a document: what a form, a line of a file, or a program's JSON says of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.search.condition_text import parse
from nova_mme.search.query import MediaQuery, Query, SourceQuery, TextQuery
from nova_mme.search.request import DEFAULT_DIMENSION, DEFAULT_SHORTLIST, Request, Strategy, Way

_TEXTS = ("text", "source", "modality", "condition", "strategy", "prefix")
_QUERIES = ("text", "source", "media")
# How a form says that no modality is meant.
ALL = "all"

T = TypeVar("T")


def read_request(document: Mapping[str, Any]) -> Request:
    """A search, from a form, a line or a program; what is None, or not there, has its default.

    :param document: one of ``text``, ``source`` (the URI of a stored one; with ``segment``, that one of it) and
        ``media`` (``name`` and ``content``, in base64); ``modality`` (or ``all``), ``condition`` (in words),
        ``prefix``, ``strategy``, ``dimension``, ``shortlist``, ``top_k``, ``per_source``.
    :raises BadSetting: naming what is wrong; nothing was asked then.
    """
    given = {name: value for name, value in document.items() if value is not None}
    for name in _TEXTS:
        if not isinstance(given.get(name, ""), str):
            raise BadSetting(f"Its {name!r} must be a text, not {type(given[name]).__name__}.")
    way = Way(
        strategy=_choose(Strategy, "strategy", given.get("strategy", Strategy.FLAT)),
        dimension=given.get("dimension", DEFAULT_DIMENSION),
        shortlist=given.get("shortlist", DEFAULT_SHORTLIST),
    )
    modality = given.get("modality", ALL)
    numbers = {name: given[name] for name in ("top_k", "per_source") if name in given}
    return Request(
        query=_read_query(given, way),
        way=way,
        modality=None if modality == ALL else _choose(Modality, "modality", modality),
        condition=parse(given.get("condition", "")),
        prefix=given.get("prefix", ""),
        **numbers,
    )


def _read_query(given: Mapping[str, Any], way: Way) -> Query:
    if len([name for name in _QUERIES if name in given]) != 1:
        raise BadSetting('It must have either "text" or "source", or, where a file can be sent, "media".')
    if "source" in given:
        return SourceQuery(given["source"], given.get("segment"))
    query = TextQuery(given["text"]) if "text" in given else _read_media(given["media"])
    query.body(way.dimension)  # what the model would not take is told before anything is asked
    return query


def _read_media(media: Mapping[str, Any]) -> MediaQuery:
    try:
        content = base64.b64decode(media["content"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSetting(f"The content of {media['name']!r} is not base64 ({error}).") from error
    if not content:
        raise BadSetting(f"The file {media['name']!r} is empty; choose another.")
    return MediaQuery(media["name"], content)


def _choose(kind: Callable[[str], T], name: str, value: str) -> T:
    try:
        return kind(value)
    except ValueError as error:
        raise BadSetting(f"There is no {name} {value!r}.") from error

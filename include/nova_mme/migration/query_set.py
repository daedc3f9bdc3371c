"""The queries that two spaces are compared by: given in a file, or drawn from what both of them hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.migration.coverage import Side
from nova_mme.modality import Modality
from nova_mme.nova import QUERY_BYTES, QUERY_CHARACTERS, text_query
from nova_mme.row import Row
from nova_mme.search.query import MediaQuery, TextQuery, embed_query
from nova_mme.search.query_file import open_object, parse_object, read_lines
from nova_mme.source import S3Uri, object_id
from nova_mme.space import FULL_DIMENSION
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

# UTF-8 takes four bytes for a character at the most.
_CHARACTER_BYTES = 4

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GivenQuery:
    """A query of a file: a text, or an object that says what is wanted.

    :ivar name: what the report calls it.
    :ivar source: the object, ``s3://bucket/key``; empty for a text.
    """

    name: str
    text: str = ""
    source: str = ""

    @property
    def left_out(self) -> str:
        """The id of the source that is no result: an example is not looked for with itself."""
        return object_id(self.source) if self.source else ""

    def find_vector(self, side: Side, *, s3: Any, bedrock: Any) -> Vector:
        """Embed it with a space's own model: one InvokeModel at 3072.

        :returns: float64, shape (3072,).
        :raises BadSetting: for an object that is not there or too large.
        :raises ClientError: what Bedrock answers; the query is named in its notes.
        """
        query = _read_object(s3, S3Uri.parse(self.source)) if self.source else TextQuery(self.text)
        try:
            vector = embed_query(query, FULL_DIMENSION, bedrock=bedrock, space=side.store.space)
        except ClientError as error:
            error.add_note(f"The query was {self.name!r}, for the space {side.store.space.name!r}.")
            raise
        return vector.astype(np.float64)


@dataclass(frozen=True, slots=True)
class DrawnQuery:
    """A source that both spaces hold: in each of them, its own stored vector of one segment is the query.

    :ivar name: the source's URI.
    """

    name: str
    key: VectorKey

    @property
    def left_out(self) -> str:
        """The source itself."""
        return self.key.object_id

    def find_vector(self, side: Side, *, s3: Any, bedrock: Any) -> Vector | None:
        """Read it from a space's full index, with no call of Bedrock; None when it is not there.

        :returns: float64, shape (3072,).
        """
        index = VectorIndex.of(side.store, FULL_DIMENSION)
        found = next(iter(index.get([str(self.key)], data=True)), None)
        return None if found is None else np.asarray(found["data"]["float32"], dtype=np.float64)


Query = GivenQuery | DrawnQuery


def read(s3: Any, uri: str) -> list[GivenQuery]:
    """The queries of a file of JSON lines: ``{"text": "..."}`` or ``{"source": "s3://bucket/key"}`` each.

    A source is an image, a sound or a clip that InvokeModel takes inline (25 MB in base64), or a text file, of
    which the first 8,192 characters are the query. Empty lines are passed over.

    :raises BadSetting: naming the first line that is neither, or a file that is not there, empty, or of over 1,000
        queries.
    """
    return read_lines(s3, uri, _parse, "query set")


def _parse(line: bytes) -> GivenQuery:
    item = parse_object(line)
    if len(item) != 1 or not ({"text", "source"} & set(item)):
        raise BadSetting('It must be {"text": "..."} or {"source": "s3://bucket/key"}, and nothing else.')
    ((kind, value),) = item.items()
    if not isinstance(value, str):
        raise BadSetting(f"Its {kind!r} must be a text, not {type(value).__name__}.")
    if kind == "text":
        text_query(value, dimension=FULL_DIMENSION)
        return GivenQuery(value, text=value)
    modality = Modality.of_name(S3Uri.parse(value).key)
    if modality in (None, Modality.DOCUMENT):
        raise BadSetting(f"{value!r} is no text, image, audio or video file.")
    return GivenQuery(value, source=value)


def _read_object(s3: Any, place: S3Uri) -> TextQuery | MediaQuery:
    if Modality.of_name(place.key) is not Modality.TEXT:
        return MediaQuery(place.key, open_object(s3, place, QUERY_BYTES).read())
    text: bytes = open_object(s3, place, None).read(QUERY_CHARACTERS * _CHARACTER_BYTES)
    return TextQuery(text.decode("utf-8", "replace")[:QUERY_CHARACTERS])


def draw(rows: Sequence[Row], new: Side, count: int) -> list[DrawnQuery]:
    """Up to ``count`` queries from sources that are stored in both spaces.

    :param rows: their rows in the old space, in the order of preference.
    """
    there = new.ledger.rows(rows)
    pairs = ((row, there[row.object_id]) for row in rows if row.object_id in there)
    queries = (DrawnQuery(row.uri, key) for row, other in pairs for key in _choose(row, other))
    return [query for query, _ in zip(queries, range(count), strict=False)]


def _choose(row: Row, other: Row) -> Iterator[VectorKey]:
    """One segment that both rows have: the middle one, or the first where the two were cut differently.

    A recording often begins with black or silence; the same number of two cuts stands for different parts.
    """
    shared = sorted(set(row.segments) & set(other.segments))
    for name in shared[:1]:
        extent = row.segments[name]
        is_same = extent == other.segments[name]
        yield VectorKey(row.object_id, name, extent // 2 if is_same else 0)

"""The queries that an evaluation asks: texts of a file, or vectors of the corpus itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.evaluation.corpus import Corpus, Matrix
from nova_mme.search.query import TextQuery, embed_query
from nova_mme.search.query_file import MAX_QUERIES, parse_object
from nova_mme.space import FULL_DIMENSION, Space

# InvokeModel calls at a time: a client's pool has ten connections.
_AT_ONCE = 8
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries with their vectors.

    :ivar names: the text of each, or the key of the vector that it is.
    :ivar matrix: float32, shape (q, 3072), at unit L2 norm.
    :ivar own: int32, shape (q,): the number of the source that a query was drawn from, -1 for none.
    :ivar left_out: its id; empty for none.
    """

    names: list[str]
    matrix: Matrix
    own: NDArray[np.int32]
    left_out: list[str]
    given: bool

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.intp]) -> Questions:
        """Some of them."""
        names, left_out = ([values[row] for row in rows] for values in (self.names, self.left_out))
        return Questions(names, self.matrix[rows], self.own[rows], left_out, self.given)


def read_texts(lines: Iterable[bytes], name: str) -> list[str]:
    """The queries of a file, one a line: a text as it is, or ``{"text": "..."}``. Empty lines are passed over.

    :param name: of the file, for the messages.
    :raises BadSetting: naming the first line that is no query, or a file with none, or of over 1,000.
    """
    texts: list[str] = []
    for number, line in enumerate(lines, 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        try:
            texts.append(_read_text(line.strip()))
        except BadSetting as error:
            raise BadSetting(f"Line {number} of {name}: {error}") from error
        if len(texts) > MAX_QUERIES:
            raise BadSetting(f"{name} has over {MAX_QUERIES:,} queries; give it fewer.")
    if not texts:
        raise BadSetting(f"{name} holds no query. Write one a line, or leave it out: then some are drawn.")
    return texts


def _read_text(line: bytes) -> str:
    if not line.startswith(b"{"):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise BadSetting("It is not UTF-8. Save the file as UTF-8.") from error
    else:
        item = parse_object(line)
        if list(item) != ["text"] or not isinstance(item["text"], str):
            raise BadSetting('It must be {"text": "..."} and nothing else, or the text itself.')
        text = item["text"]
    TextQuery(text).body(FULL_DIMENSION)  # an overlong one is told before anything is paid for
    return text


def embed_questions(texts: Sequence[str], *, bedrock: Any, space: Space) -> Questions:
    """Embed texts as a search over all modalities does: GENERIC_RETRIEVAL, one InvokeModel at 3072 each.

    :raises ClientError: what Bedrock answers; the text is named in its notes.
    """

    def embed(text: str) -> Matrix:
        try:
            return embed_query(TextQuery(text), FULL_DIMENSION, bedrock=bedrock, space=space)
        except ClientError as error:
            error.add_note(f"The query was {text!r}.")
            raise

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        matrix = np.stack(list(pool.map(embed, texts)))
    own = np.full(len(texts), _NOBODY, np.int32)
    return Questions(list(texts), matrix, own, [""] * len(texts), given=True)


def draw_questions(corpus: Corpus, count: int) -> Questions:
    """Hold out up to ``count`` vectors of the corpus, each of another source.

    Segments of one source are much alike: a query that may find its own neighbours finds them at any dimension,
    and tells nothing. So its source is no result, and two queries of one source would count the same thing twice.
    The rows are in the order of a hash, so the first ones of each source are as good as drawn by lot.
    """
    _, firsts = np.unique(corpus.sources, return_index=True)
    rows = np.sort(firsts)[:count]
    matrix = np.array(corpus.matrix[rows], dtype=np.float64)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return Questions(
        [corpus.keys[row] for row in rows],
        np.divide(matrix, norms, where=norms > 0, out=matrix).astype(np.float32),
        corpus.sources[rows],
        [corpus.object_id(row) for row in rows],
        given=False,
    )

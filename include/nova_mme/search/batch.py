"""Many searches, some at a time, and the file that their answers are kept in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

import orjson
from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting
from nova_mme.search.answer import Answer
from nova_mme.search.query import MediaQuery, SourceQuery, TextQuery
from nova_mme.search.request import Request
from nova_mme.search.searcher import Searcher
from nova_mme.source import S3Uri

# Below the ten connections that a boto3 client keeps.
_THREADS = 8
# Answers with their texts are held for so many queries, and no more.
_AHEAD = 4 * _THREADS


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a search.

    :ivar number: which query it was, from 1.
    :ivar answer: None when it could not be searched; ``problem`` says why then.
    """

    number: int
    request: Request
    answer: Answer | None = None
    problem: str = ""

    @property
    def asked(self) -> str:
        """The query in words: a text, a file name, or a source's URI."""
        query = self.request.query
        return query.text if isinstance(query, TextQuery) else _name(query)

    def as_document(self) -> dict[str, Any]:
        """The reply for JSON: the query, then the answer or an ``error``."""
        kind = {TextQuery: "text", SourceQuery: "source", MediaQuery: "file"}[type(self.request.query)]
        told = self.answer.as_document() if self.answer else {"error": self.problem}
        return {"number": self.number, "query": {kind: self.asked}, **told}


def _name(query: MediaQuery | SourceQuery) -> str:
    return query.name if isinstance(query, MediaQuery) else query.uri


def search_all(searcher: Searcher, requests: Sequence[Request]) -> Iterator[Reply]:
    """Search for each, eight at a time; the replies come in the requests' order.

    A query that cannot be searched, such as a source that is not stored, is a reply with its problem, and holds none
    of the others up.

    :raises IndexMismatch: when an index holds vectors of another space.
    :raises ClientError: what AWS answers; its notes name the query.
    """

    def ask(number: int, request: Request) -> Reply:
        try:
            return Reply(number, request, searcher.search(request))
        except BadSetting as error:
            return Reply(number, request, problem=str(error))
        except ClientError as error:
            error.add_note(f"It was query {number}.")
            raise

    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(requests), _AHEAD):
            part = requests[start : start + _AHEAD]
            yield from pool.map(ask, range(start + 1, start + 1 + len(part)), part)


class AnswerFile:
    """All replies as JSON lines, on the disk until they are put to S3: a thousand answers with texts are large."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, reply: Reply) -> None:
        """Take one more."""
        self._file.write(orjson.dumps(reply.as_document(), option=orjson.OPT_APPEND_NEWLINE))

    def write(self, s3: Any, folder: S3Uri) -> str:
        """Keep ``answers.jsonl`` in a folder; returns its URI."""
        place = folder.join("answers.jsonl")
        self._file.seek(0)
        s3.put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=self._file,
            ContentType="application/x-ndjson; charset=utf-8",
        )
        return str(place)

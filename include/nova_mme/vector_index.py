"""One index of Amazon S3 Vectors, read and cleared: the side of the store that looks at what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.store import VectorStore

# Limits: botocore's model of ListVectors, GetVectors and DeleteVectors.
_LISTED, _GOT, _DELETED = 1000, 100, 500
_LISTED_WITH_DATA = 100
# ListVectors takes up to 16 segments; a client's pool has ten connections.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """One index.

    :ivar client: a boto3 ``s3vectors`` client, shared by the threads of one call.
    """

    client: Any
    bucket: str
    name: str

    @classmethod
    def of(cls, store: VectorStore, dimension: int) -> VectorIndex:
        """A space's index of one dimension."""
        return cls(store.client, store.bucket, store.space.index_name(dimension))

    def pages(self, *, metadata: bool = False, data: bool = False) -> Iterator[list[dict[str, Any]]]:
        """All vectors, ``{"key"}`` each and what was asked for, in pages of at most 1,000, in no order.

        The service's parallel listing: eight segments, one page of each in memory at a time. A page with data is
        of at most 100: a 3072-d vector takes 60 KB of JSON.

        :param metadata: with ``metadata``.
        :param data: with ``data``, ``{"float32": [...]}``.

        :raises BadSetting: when there is no such index.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            ahead = {pool.submit(self._page, part, "", metadata, data): part for part in range(_AT_ONCE)}
            try:
                while ahead:
                    for future in wait(ahead, return_when=FIRST_COMPLETED).done:
                        part = ahead.pop(future)
                        answer = future.result()
                        if token := answer.get("nextToken"):
                            ahead[pool.submit(self._page, part, token, metadata, data)] = part
                        yield answer["vectors"]
            finally:
                _cancel(ahead)

    def _page(self, part: int, token: str, metadata: bool, data: bool) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.client.list_vectors(
                vectorBucketName=self.bucket,
                indexName=self.name,
                maxResults=_LISTED_WITH_DATA if data else _LISTED,
                segmentCount=_AT_ONCE,
                segmentIndex=part,
                returnMetadata=metadata,
                returnData=data,
                **({"nextToken": token} if token else {}),
            )
        except self.client.exceptions.NotFoundException as error:
            raise BadSetting(
                f"There is no index {self.bucket}/{self.name}. Run setup_embeddings, or name the right "
                "vector_bucket; nothing was changed."
            ) from error
        return answer

    def get(
        self, keys: Iterable[str], *, metadata: bool = False, data: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Those of these vectors that exist, as :meth:`pages` gives them."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            calls = _cut(keys, _GOT)
            while group := list(islice(calls, _AT_ONCE)):
                for answer in pool.map(lambda call: self._get(call, metadata, data), group):
                    yield from answer

    def _get(self, keys: Sequence[str], metadata: bool, data: bool) -> list[dict[str, Any]]:
        answer = self.client.get_vectors(
            vectorBucketName=self.bucket,
            indexName=self.name,
            keys=keys,
            returnMetadata=metadata,
            returnData=data,
        )
        found: list[dict[str, Any]] = answer["vectors"]
        return found

    def delete(self, keys: Iterable[str]) -> int:
        """Delete these vectors; absent keys are no error. Returns how many keys were named."""
        count = 0
        for call in _cut(keys, _DELETED):
            self.client.delete_vectors(vectorBucketName=self.bucket, indexName=self.name, keys=call)
            count += len(call)
        return count


def _cut(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(keys)
    while call := list(islice(iterator, size)):
        yield call


def _cancel(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.cancel()

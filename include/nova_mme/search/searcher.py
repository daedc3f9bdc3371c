"""Searches a deployment: the active space, through the pointer, whichever space that is at the moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.ledger import Ledger
from nova_mme.search.answer import Answer
from nova_mme.search.grouping import group
from nova_mme.search.query import SourceQuery, choose_purpose, embed_query, read_source
from nova_mme.search.request import Request, Strategy, Way
from nova_mme.search.retrieval import Retrieval, Stage
from nova_mme.settings import Settings
from nova_mme.space import FULL_DIMENSION, Space
from nova_mme.space_registry import SpaceRegistry


@dataclass(frozen=True, slots=True)
class Searcher:
    """Searches; one serves all threads.

    :ivar s3vectors, bedrock: boto3 clients of ``s3vectors`` and ``bedrock-runtime``.
    """

    registry: SpaceRegistry
    s3vectors: Any
    bedrock: Any
    settings: Settings

    def search(self, request: Request) -> Answer:
        """Search the request's way: one call of the model, or none for a source that is stored.

        The pointer is read once. Should the space's indexes be gone, because it was retired in between, it is read
        once more.

        :raises BadSetting: for a query that the model refuses, or a deployment that is not set up.
        :raises IndexMismatch: when an index holds vectors of another space.
        :raises ClientError: what AWS answers otherwise.
        """
        (answer,) = self.compare(request, [request.way])
        return answer

    def compare(self, request: Request, ways: Sequence[Way]) -> list[Answer]:
        """Search several ways, one after the other, with one reading of the pointer and one call of the model.

        The request's own way does not count. Raises as :meth:`search` does.
        """
        start = time.perf_counter()
        space = self.registry.find_active()
        try:
            return self._search(request, ways, space, start)
        except self.s3vectors.exceptions.NotFoundException as error:
            if (now := self.registry.find_active()) == space:
                raise self._lacking(space) from error
        try:
            return self._search(request, ways, now, start)
        except self.s3vectors.exceptions.NotFoundException as error:
            raise self._lacking(now) from error

    def _search(self, request: Request, ways: Sequence[Way], space: Space, start: float) -> list[Answer]:
        found = Stage("GetItem", None, 1, 1, time.perf_counter() - start)
        vector, embedded = self._find_vector(request, ways, space)
        shared, before = (found, embedded), time.perf_counter() - start
        return [self._answer(request, way, space, vector, shared, before) for way in ways]

    def _answer(
        self,
        request: Request,
        way: Way,
        space: Space,
        vector: NDArray[np.float32],
        shared: tuple[Stage, ...],
        before: float,
    ) -> Answer:
        start = time.perf_counter()
        retrieval = Retrieval(self.s3vectors, self.settings.vector_bucket, space, self.settings.source_uri)
        found = retrieval.run(request, way, vector)
        results = group(found.hits, top_k=request.top_k, per_source=request.per_source, words=request.words)
        return Answer(
            tuple(results),
            space.name,
            way,
            "" if isinstance(request.query, SourceQuery) else choose_purpose(request.only_modality),
            (*shared, *found.stages),
            found.looked_at,
            len(results) == request.top_k or found.is_all,
            before + time.perf_counter() - start,
        )

    def _find_vector(
        self, request: Request, ways: Sequence[Way], space: Space
    ) -> tuple[NDArray[np.float32], Stage]:
        start = time.perf_counter()
        if isinstance(request.query, SourceQuery):
            ledger = Ledger(self.registry.dynamodb, self.settings.ledger_table, space)
            bucket = self.settings.vector_bucket
            vector = read_source(request.query, s3vectors=self.s3vectors, vector_bucket=bucket, ledger=ledger)
            return vector, Stage("GetVectors", FULL_DIMENSION, 1, 1, time.perf_counter() - start)
        dimension = _choose_dimension(ways)
        purpose = choose_purpose(request.only_modality)
        try:
            vector = embed_query(request.query, dimension, bedrock=self.bedrock, space=space, purpose=purpose)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            said = error.response["Error"].get("Message", "")
            raise BadSetting(f"The model does not take the query: {said}") from error
        return vector, Stage("InvokeModel", dimension, 1, 1, time.perf_counter() - start)

    def _lacking(self, space: Space) -> BadSetting:
        return BadSetting(
            f"The active space {space.name!r} lacks an index in the vector bucket {self.settings.vector_bucket!r}. "
            "Run setup_embeddings, or name the right vector_bucket."
        )


def _choose_dimension(ways: Sequence[Way]) -> int:
    """What the model is asked for: the only dimension there is, or 3072, of which the others are the beginning.

    The stored vectors are beginnings of 3072-d ones as well; that the model's own answer at a smaller dimension is
    the same is likely, and nowhere written.
    """
    dimensions = {way.dimension for way in ways}
    is_flat = all(way.strategy is Strategy.FLAT for way in ways)
    return dimensions.pop() if is_flat and len(dimensions) == 1 else FULL_DIMENSION

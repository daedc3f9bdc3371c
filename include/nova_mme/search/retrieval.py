"""Segments near a query's vector: from one index, or from a shortlist of the smallest one that is scored exactly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.search.condition import Condition
from nova_mme.search.query import shorten
from nova_mme.search.request import PAGE, SHORTLIST_DIMENSION, Request, Strategy, Way, check_bounds
from nova_mme.search.vector_answer import MAX_KEYS, get_vectors, query_vectors
from nova_mme.space import Space
from nova_mme.store import require_space
from nova_mme.vector_key import VectorKey

Vector = NDArray[np.float32]

# GetVectors calls at a time: a client's pool has ten connections.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Hit:
    """A segment that was found.

    :ivar score: cosine similarity, -1 to 1: 1 - distance.
    :ivar distance: cosine distance, 0 to 2, as S3 Vectors answers it or, of a hierarchical search, computed here.
    """

    key: str
    score: float
    metadata: dict[str, Any]
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step of a search did.

    :ivar operation: the AWS operation that it consists of.
    :ivar dimension: of the vectors; None where there are none.
    :ivar candidates: how many segments (or queries' vectors) came out of it.
    :ivar calls: how many requests it took.
    :ivar seconds: by the clock.
    """

    operation: str
    dimension: int | None
    candidates: int
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found.

    :ivar hits: best first.
    :ivar looked_at: how many segments S3 Vectors named, those outside the prefix among them.
    :ivar is_all: whether there were no more to be named.
    """

    hits: list[Hit]
    stages: tuple[Stage, ...]
    looked_at: int
    is_all: bool


def find_nearest(
    vector: Vector,
    *,
    s3vectors: Any,
    vector_bucket: str,
    space: Space,
    top_k: int = 10,
    condition: Condition | None = None,
) -> list[Hit]:
    """The ``top_k`` (1 to 100) segments of one index that are nearest, best first; one call.

    :param vector: float32, shape (dimension,): its length says which index.
    :raises BadSetting: for another ``top_k``, or a condition of too many constraints.
    :raises IndexMismatch: when the index holds vectors of another space.
    """
    check_bounds("top_k", top_k, PAGE)
    index = Index(s3vectors, vector_bucket, space, len(vector))
    return next(index.pages(vector, top_k, condition))


@dataclass(frozen=True, slots=True)
class Index:
    """One index, as searches read it."""

    client: Any
    bucket: str
    space: Space
    dimension: int

    @property
    def place(self) -> dict[str, str]:
        """How requests name it."""
        return {"vectorBucketName": self.bucket, "indexName": self.space.index_name(self.dimension)}

    @property
    def can_page(self) -> bool:
        """Whether this botocore knows nextToken: 1.42.84, of MWAA's 3.2.1, does not."""
        shape = self.client.meta.service_model.operation_model("QueryVectors").input_shape
        return "nextToken" in shape.members

    def pages(self, vector: Vector, depth: int, condition: Condition | None) -> Iterator[list[Hit]]:
        """The ``depth`` nearest segments, in pages of at most 100; at least one page.

        :raises IndexMismatch: when they are of another space.
        """
        request: dict[str, Any] = {
            **self.place,
            "topK": depth,
            "returnDistance": True,
            "returnMetadata": True,
        }
        if condition is not None:
            request["filter"] = condition.to_filter()
        while True:
            answer = query_vectors(self.client, vector, **request)
            # One of each space that is told: the check itself costs more than reading the page.
            told = {(hit.get("metadata") or {}).get("space"): hit for hit in answer["vectors"]}
            require_space(told.values(), self.space, f"{self.bucket}/{request['indexName']}")
            yield [_read_hit(hit) for hit in answer["vectors"]]
            if not (answer.get("nextToken") and self.can_page):
                return
            request["nextToken"] = answer["nextToken"]

    def score(self, vector: Vector, hits: Sequence[Hit]) -> list[Hit]:
        """Those of these segments that the index holds, with their exact cosines, best first."""
        groups = [hits[start : start + MAX_KEYS] for start in range(0, len(hits), MAX_KEYS)]
        if len(groups) > 1:
            with ThreadPoolExecutor(min(_AT_ONCE, len(groups))) as pool:
                scored = list(pool.map(lambda group: self._score(vector, group), groups))
        else:
            scored = [self._score(vector, group) for group in groups]
        return sorted((hit for group in scored for hit in group), key=lambda hit: (-hit.score, hit.key))

    def _score(self, vector: Vector, hits: Sequence[Hit]) -> list[Hit]:
        known = {hit.key: hit for hit in hits}
        found, matrix = get_vectors(self.client, self.place, list(known), self.dimension)
        norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.linalg.norm(vector)
        scores = (matrix @ vector / norms).tolist()
        return [
            Hit(told["key"], score, known[told["key"]].metadata, 1.0 - score)
            for told, score in zip(found, scores, strict=True)
        ]


def _read_hit(hit: dict[str, Any]) -> Hit:
    return Hit(hit["key"], 1.0 - hit["distance"], hit.get("metadata", {}), hit["distance"])


@dataclass(slots=True)
class _Haul:
    """What comes in of one index, page by page."""

    hits: list[Hit] = field(default_factory=list)
    looked_at: int = 0
    calls: int = 0
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Finds segments for a request, in one space.

    :ivar root: the deployment's ``source_uri``, which a request's prefix may lie below.
    """

    client: Any
    bucket: str
    space: Space
    root: str

    def run(self, request: Request, way: Way, vector: Vector) -> Retrieved:
        """Search one way.

        :param vector: the query's: float32, of the way's dimension or longer.
        :raises IndexMismatch: when an index holds vectors of another space.
        """
        if way.strategy is Strategy.FLAT:
            return self._search_flat(request, way, vector)
        return self._search_hierarchically(request, way, vector)

    def _search_flat(self, request: Request, way: Way, vector: Vector) -> Retrieved:
        """Page through one index until there are enough sources."""
        start = time.perf_counter()
        index, wanted = self._index(way.dimension), request.top_k
        most = _count_most(index, request, wanted)
        # As few as will do: the service may well be slower to find a thousand than a hundred.
        depths = [most] if request.prefix or wanted > PAGE else dict.fromkeys([PAGE, most])
        haul, calls = _Haul(), 0
        for depth in depths:
            haul = self._haul(index, request, vector, depth, lambda hits: _count(hits) >= wanted)
            calls += haul.calls
            if haul.is_all or _count(haul.hits) >= wanted:
                break
        stage = Stage("QueryVectors", way.dimension, len(haul.hits), calls, time.perf_counter() - start)
        return Retrieved(haul.hits, (stage,), haul.looked_at, haul.is_all)

    def _search_hierarchically(self, request: Request, way: Way, vector: Vector) -> Retrieved:
        """Take a shortlist of the smallest index, and score just its segments with the larger vectors.

        QueryVectors cannot be limited to keys, and gives no numbers back: hence GetVectors of those keys.
        """
        start = time.perf_counter()
        wanted = max(way.shortlist, request.top_k)
        index = self._index(SHORTLIST_DIMENSION)
        most = _count_most(index, request, wanted)
        depth = most if request.prefix else wanted
        haul = self._haul(index, request, vector, depth, lambda hits: len(hits) >= wanted)
        shortlist = haul.hits[:wanted]
        middle = time.perf_counter()
        hits = self._index(way.dimension).score(shorten(vector, way.dimension), shortlist)
        calls = -(-len(shortlist) // MAX_KEYS)
        stages = (
            Stage("QueryVectors", SHORTLIST_DIMENSION, len(shortlist), haul.calls, middle - start),
            Stage("GetVectors", way.dimension, len(hits), calls, time.perf_counter() - middle),
        )
        return Retrieved(hits, stages, haul.looked_at, haul.is_all)

    def _index(self, dimension: int) -> Index:
        return Index(self.client, self.bucket, self.space, dimension)

    def _haul(
        self, index: Index, request: Request, vector: Vector, depth: int, enough: Callable[[list[Hit]], bool]
    ) -> _Haul:
        place, haul = request.place(self.root), _Haul()
        for page in index.pages(shorten(vector, index.dimension), depth, request.whole_condition):
            haul.calls += 1
            haul.looked_at += len(page)
            haul.hits += [hit for hit in page if _fits(hit, place)]
            if enough(haul.hits):
                break
        haul.is_all = haul.looked_at < depth and not enough(haul.hits)
        return haul


def _count_most(index: Index, request: Request, wanted: int) -> int:
    """How many segments may be looked at, given how many are needed at least.

    :raises BadSetting: when more than a page is needed, and botocore knows no pages.
    """
    if index.can_page:
        return max(PAGE * request.max_pages, wanted)
    if wanted > PAGE:
        raise BadSetting(
            f"{wanted} segments are wanted, but this botocore knows no pages of QueryVectors: ask for at most {PAGE}, "
            "or install boto3 1.43.56 or newer."
        )
    return PAGE


def _fits(hit: Hit, place: str) -> bool:
    """Whether it is one of ours, and its source lies where it was looked for."""
    if place and not str(hit.metadata.get("sourceS3Uri", "")).startswith(place):
        return False
    return VectorKey.parse(hit.key) is not None


def _count(hits: Sequence[Hit]) -> int:
    return len({hit.key.partition("/")[0] for hit in hits})

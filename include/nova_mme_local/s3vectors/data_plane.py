"""The operations on vectors: put, get, list, delete and query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nova_mme_local.s3vectors.catalog import Catalog, Index, Params
from nova_mme_local.s3vectors.filters import Accepts, compile_filter
from nova_mme_local.s3vectors.matrix import Ranking, Record
from nova_mme_local.s3vectors.paging import Rankings, fingerprint, read_token, write_token
from nova_mme_local.s3vectors.records import read_batch, read_query
from nova_mme_local.wire import AwsError

Answer = dict[str, Any]

MAX_TOP_K = 10_000  # "Limitations and restrictions" in the user guide; the model has the minimum only
QUERY_PAGE = 100
LIST_PAGE = 500
LIST_BYTES = 2**20  # ListVectors ends a page when it has processed more (botocore's model, maxResults)


class DataPlane:
    """Handlers by operation: `handlers["PutVectors"](params, region)` returns the answer's JSON object."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rankings = Rankings()
        self.handlers: dict[str, Callable[[Params, str], Answer]] = {
            "PutVectors": self.put,
            "GetVectors": self.get,
            "ListVectors": self.list,
            "DeleteVectors": self.delete,
            "QueryVectors": self.query,
        }

    def put(self, params: Params, region: str) -> Answer:
        """Store all vectors of the request, or none when one of them is wrong; they are found at once."""
        index = self._catalog.find_index(params, region)
        batch = read_batch(params["vectors"], index.shape)
        with index.writing:
            _check_live(index)
            self._catalog.archive.put_vectors(index.arn, batch)
            index.matrix.put(batch.keys, batch.rows, batch.metadata)
        return {}

    def get(self, params: Params, region: str) -> Answer:
        """Return the vectors that exist, in the order asked for."""
        index = self._catalog.find_index(params, region)
        records = index.matrix.find(params["keys"], data=bool(params.get("returnData")))
        return {"vectors": [_tell(record, params) for record in records]}

    def list(self, params: Params, region: str) -> Answer:
        """Return a page of the vectors in the order of arrival; what is deleted meanwhile shifts nothing."""
        index = self._catalog.find_index(params, region)
        segment, segments = _read_segment(params)
        bound_to = fingerprint("ListVectors", index.arn, segment, segments)
        after = read_token(params.get("nextToken"), bound_to=bound_to) or 0
        page, more = _fill_page(index, params, after=after, segment=segment, segments=segments)
        answer: Answer = {"vectors": [_tell(record, params) for record in page]}
        if more:
            answer["nextToken"] = write_token(page[-1].serial, bound_to=bound_to)
        return answer

    def delete(self, params: Params, region: str) -> Answer:
        """Delete vectors; unknown keys are no error."""
        index = self._catalog.find_index(params, region)
        with index.writing:
            _check_live(index)
            self._catalog.archive.delete_vectors(index.arn, params["keys"])
            index.matrix.delete(params["keys"])
        return {}

    def query(self, params: Params, region: str) -> Answer:
        """Return a page of the topK nearest vectors that satisfy the filter; never their data."""
        index = self._catalog.find_index(params, region)
        accepts, query = self._read_query(params, index)
        bound_to = fingerprint(
            index.arn, params["topK"], params.get("filter"), params.get("queryMode"), query.tobytes()
        )
        resumed = read_token(params.get("nextToken"), bound_to=bound_to)
        if resumed is None:
            name, start, ranking = None, 0, index.matrix.search(query, params["topK"], accepts)
        else:
            name, start = resumed
            ranking = self._rankings.find(name)
        answer = _tell_ranking(index, ranking, start=start, params=params)
        if start + QUERY_PAGE < len(ranking.keys):
            name = name or self._rankings.keep(ranking)
            answer["nextToken"] = write_token([name, start + QUERY_PAGE], bound_to=bound_to)
        return answer

    def clear(self) -> None:
        """Forget the results that wait for their next page."""
        self._rankings.clear()

    def _read_query(self, params: Params, index: Index) -> tuple[Accepts | None, Any]:
        if params["topK"] > MAX_TOP_K:
            raise AwsError(
                "ValidationException",
                f"topK must be less than or equal to {MAX_TOP_K}",
                fields=[("/topK", f"Member must have value less than or equal to {MAX_TOP_K}")],
            )
        if params.get("queryMode", "ENHANCED") != "ENHANCED":
            raise AwsError("ValidationException", "queryMode CLASSIC is not possible on an ENHANCED index")
        if params.get("queryVector") is None:  # newer models make it optional, for full-text search
            raise AwsError(
                "ValidationException", "queryVector is required: local AWS has no full-text search"
            )
        query = read_query(params["queryVector"]["float32"], index.shape)
        if params.get("filter") is None:
            return None, query
        return compile_filter(params["filter"], non_filterable=index.shape.non_filterable), query


def _check_live(index: Index) -> None:
    if index.dropped:
        raise AwsError("NotFoundException", f"The index {index.name} could not be found")


def _read_segment(params: Params) -> tuple[int, int]:
    count, segment = params.get("segmentCount"), params.get("segmentIndex")
    if (count is None) != (segment is None):
        raise AwsError("ValidationException", "segmentCount and segmentIndex must be given together")
    if count is None or segment is None:
        return 0, 1
    if segment >= count:
        raise AwsError("ValidationException", "segmentIndex must be less than segmentCount")
    return segment, count


def _fill_page(
    index: Index, params: Params, *, after: int, segment: int, segments: int
) -> tuple[list[Record], bool]:
    """Take vectors until one megabyte is passed: what is returned counts, vectors with four bytes a number."""
    data = bool(params.get("returnData"))
    limit = params.get("maxResults") or LIST_PAGE
    if data:
        limit = min(limit, LIST_BYTES // (4 * index.shape.dimension) + 1)
    records, more = index.matrix.scan(after, segment=segment, segments=segments, limit=limit, data=data)
    size = 0
    for count, record in enumerate(records, 1):
        size += len(record.key) + (4 * index.shape.dimension if data else 0)
        size += len(str(record.metadata)) if params.get("returnMetadata") else 0
        if size > LIST_BYTES:
            return records[:count], more or count < len(records)
    return records, more


def _tell(record: Record, params: Params) -> Answer:
    told: Answer = {"key": record.key}
    if params.get("returnData"):
        told["data"] = {"float32": record.data}
    if params.get("returnMetadata") and record.metadata is not None:
        told["metadata"] = record.metadata
    return told


def _tell_ranking(index: Index, ranking: Ranking, *, start: int, params: Params) -> Answer:
    keys = ranking.keys[start : start + QUERY_PAGE]
    distances = dict(zip(keys, ranking.distances[start : start + QUERY_PAGE].tolist(), strict=True))
    vectors: list[Answer] = []
    for record in index.matrix.find(keys):
        told = _tell(record, {"returnMetadata": params.get("returnMetadata")})
        if params.get("returnDistance"):
            told["distance"] = distances[record.key]
        vectors.append(told)
    return {"vectors": vectors, "distanceMetric": "cosine" if index.shape.cosine else "euclidean"}

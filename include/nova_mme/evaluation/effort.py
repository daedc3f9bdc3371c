"""What one search costs: the bytes that it reads, and dollars."""

from __future__ import annotations

from nova_mme.search.request import PAGE, SHORTLIST_DIMENSION, Strategy, Way
from nova_mme.search.vector_answer import MAX_KEYS

_NUMBER_BYTES = 4
# US dollars in us-east-1, AWS's price feed of 2026-09-28: a call of QueryVectors, a call of GetVectors, and a byte that
# QueryVectors processes. The last is that of the first tier; from some size on, which the feed does not tell, an index
# costs a half and a tenth of it.
_QUERY_CALL = 0.0025 / 1000
_GET_CALL = 0.055 / 1000
_BYTE = 0.004 / 1e12
# How many calls of QueryVectors cost what one of GetVectors costs.
GET_IN_QUERIES = round(_GET_CALL / _QUERY_CALL)
PRICED_AS = "us-east-1, AWS's price feed of 2026-09-28, every byte at the price of the first tier"


def count_bytes(way: Way, vectors: int) -> int:
    """The bytes of vectors that one search of an index of so many reads: 4 for each number.

    What AWS bills as processed counts keys and filterable metadata as well (Amazon S3 pricing, S3 Vectors).
    """
    if way.strategy is Strategy.FLAT:
        return vectors * _NUMBER_BYTES * way.dimension
    scored = min(way.shortlist, vectors)
    return _NUMBER_BYTES * (vectors * SHORTLIST_DIMENSION + scored * way.dimension)


def estimate_dollars(way: Way, vectors: int) -> float:
    """What a million such searches cost at the most, without the model's part, metadata and keys; US dollars.

    What GetVectors reads is billed by the call alone.
    """
    if way.strategy is Strategy.FLAT:
        one = _QUERY_CALL + vectors * _NUMBER_BYTES * way.dimension * _BYTE
    else:
        scored = min(way.shortlist, vectors)
        calls = -(-scored // PAGE) * _QUERY_CALL + -(-scored // MAX_KEYS) * _GET_CALL
        one = calls + vectors * _NUMBER_BYTES * SHORTLIST_DIMENSION * _BYTE
    return one * 1_000_000

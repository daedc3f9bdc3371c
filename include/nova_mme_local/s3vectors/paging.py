"""Page tokens: opaque to clients, bound to the request that got them, and in QueryVectors good for minutes only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from typing import Any

import orjson

from nova_mme_local.s3vectors.matrix import Ranking
from nova_mme_local.wire import AwsError

# "Querying vectors" in the user guide: a token is good for several minutes, then the query starts over.
TOKEN_SECONDS = 300.0
MAX_RANKINGS = 128  # kept at a time, of at most 10,000 keys each


def fingerprint(*parts: Any) -> str:
    """Digest what a token is bound to; the parts must be JSON values or bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else orjson.dumps(part, option=orjson.OPT_SORT_KEYS))
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def write_token(after: Any, *, bound_to: str) -> str:
    """Make a token that says where the next page starts."""
    return base64.urlsafe_b64encode(orjson.dumps([after, bound_to])).decode()


def read_token(token: str | None, *, bound_to: str) -> Any:
    """Return where the page starts (None for the first one).

    Raises AwsError("ValidationException") for a token that is not ours or belongs to another request.
    """
    if token is None:
        return None
    try:
        after, fingerprint_then = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise AwsError(
            "ValidationException", "Invalid nextToken: it was not issued by this service"
        ) from None
    if fingerprint_then != bound_to:
        raise AwsError(
            "ValidationException",
            "Invalid nextToken: it belongs to another request; repeat every parameter of the first page",
        )
    return after


class Rankings:
    """The results of queries that have more pages, so that all pages of one query agree with each other."""

    def __init__(self, *, seconds: float = TOKEN_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Ranking]] = OrderedDict()

    def keep(self, ranking: Ranking) -> str:
        """Keep a ranking and return its name."""
        name = secrets.token_hex(8)
        with self._lock:
            self._kept[name] = (time.monotonic() + self._seconds, ranking)
            while len(self._kept) > MAX_RANKINGS:
                self._kept.popitem(last=False)
        return name

    def find(self, name: str) -> Ranking:
        """Return the ranking; AwsError("ValidationException") when its token has expired."""
        with self._lock:
            until, ranking = self._kept.get(name, (0.0, None))
        if ranking is None or until < time.monotonic():
            raise AwsError(
                "ValidationException",
                "Invalid nextToken: it has expired; run the query again from its first page",
            )
        return ranking

    def clear(self) -> None:
        """Forget all rankings."""
        with self._lock:
            self._kept.clear()

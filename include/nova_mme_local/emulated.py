"""The services that moto emulates: ordered where moto needs it, kept on disk where there is one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from nova_mme_local.durable.keeper import Keeper
from nova_mme_local.locks import KeyLocks
from nova_mme_local.motoserver import Moto, forget_checksum
from nova_mme_local.protocols import split_object_path
from nova_mme_local.scope import Scope, forge_authorization
from nova_mme_local.wire import Request, Response


class Emulated:
    """moto behind locks and, with a `keeper`, with a memory that outlives the process."""

    def __init__(self, moto: Moto, keeper: Keeper | None, locks: KeyLocks) -> None:
        self._moto = moto
        self._keeper = keeper
        self._key_locks = locks
        self._tables_lock = threading.RLock()
        self._buckets_lock = threading.RLock()

    def answer(self, scope: Scope, operation: str, request: Request, environ: Mapping[str, Any]) -> Response:
        """Carry a call out; when this returns, what it changed is on disk."""
        if (
            "authorization" not in request.headers and scope.service != "s3"
        ):  # presigned: moto reads the header
            forged = forge_authorization(scope.service, scope.region)
            environ = {**environ, "HTTP_AUTHORIZATION": forged}
        with self._order(scope.service, request):
            response = self._moto.answer(environ, request.body)
            if operation == "CopyObject" and response.status < 300:
                forget_checksum(*split_object_path(request.path))
            if self._keeper is not None and response.status < 300:
                self._keeper.keep(scope.service, operation, scope.region, request)
            return response

    def reset(self) -> None:
        """Forget everything, on disk too."""
        self._moto.reset()
        if self._keeper is not None:
            self._keeper.clear()

    def close(self) -> None:
        """Close the disk and empty moto, whose memory is shared by the whole process."""
        self._moto.reset()
        if self._keeper is not None:
            self._keeper.close()

    def _order(self, service: str, request: Request) -> AbstractContextManager[object]:
        """Return the lock a call needs: conditional writes must be atomic, and scans must not meet a write.

        Nothing else is ordered: a receive that waits for messages must not hold anyone off.
        """
        if service == "dynamodb":
            return self._tables_lock
        if service != "s3":
            return nullcontext()
        bucket, key = split_object_path(request.path)
        if key:
            return self._key_locks.hold(bucket, key)
        return nullcontext() if request.method in ("GET", "HEAD") else self._buckets_lock

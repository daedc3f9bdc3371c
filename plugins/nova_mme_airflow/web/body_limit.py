"""Refuses requests that are not what the API takes, before they are read into memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse

# Base64 of the largest file that the model takes inline, 25 MB (Amazon Nova user guide, "Embeddings schema"), and the
# JSON around it.
MOST_BYTES = 26 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: a POST is JSON, of somebody who is signed in, and no larger than 26 MB, announced or not.

    FastAPI reads and parses a body before it asks its dependencies who sent it.

    A form of another site can post, with the user's cookie, but not as ``application/json``.
    """

    def __init__(
        self, app: Any, *, identify: Callable[[Request], Awaitable[None]] | None, most: int = MOST_BYTES
    ) -> None:
        self._app, self._identify, self._most = app, identify, most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._app(scope, receive, send)
        headers = {name.lower(): value for name, value in scope["headers"]}
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind != b"application/json":
            return await _answer(415, "Send JSON, with Content-Type: application/json.", scope, receive, send)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            return await _answer(413, self._sentence, scope, receive, send)
        try:
            if self._identify:
                await self._identify(Request(scope))
        except HTTPException as error:
            return await _answer(error.status_code, str(error.detail), scope, receive, send)
        return await self._read(scope, receive, send)

    async def _read(self, scope: Any, receive: Any, send: Any) -> None:
        seen = 0

        async def receive_some() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413, self._sentence)  # which FastAPI lets through to the answer
            return message

        await self._app(scope, receive_some, send)

    @property
    def _sentence(self) -> str:
        return f"The request is larger than {self._most // 1024**2} MB; send a smaller file."


async def _answer(status: int, detail: str, scope: Any, receive: Any, send: Any) -> None:
    await JSONResponse({"detail": detail}, status)(scope, receive, send)

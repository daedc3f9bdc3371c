"""The page, its files, and the OpenAPI document: `GET /`, `GET static/...`, `GET openapi.json`."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse

from nova_mme_airflow.web.deployment import OpenDeployment

_FOLDER = Path(__file__).parent / "page"
_HTML = "index.html"


def page_routes(find: Callable[[], OpenDeployment]) -> APIRouter:
    """The routes.

    :param find: opens the deployment, whose media the page may show.
    """
    router = APIRouter(include_in_schema=False)
    files = {path.name: path for path in _FOLDER.iterdir() if path.is_file()}

    @router.get("/")
    def page() -> FileResponse:
        return FileResponse(files[_HTML], headers={"Content-Security-Policy": _policy(find)})

    @router.get("/static/{name}")
    def static(name: str) -> FileResponse:
        if name not in files:
            raise HTTPException(404, f"There is no file {name!r}.")
        # Only these types are in the folder; what the machine's own table says of .js is not always right.
        kind = {".js": "text/javascript", ".svg": "image/svg+xml"}.get(files[name].suffix)
        media_type = kind or mimetypes.guess_type(name)[0]
        return FileResponse(files[name], media_type=media_type, headers={"Cache-Control": "no-cache"})

    @router.get("/openapi.json")
    def openapi(request: Request) -> JSONResponse:
        document: dict[str, Any] = request.app.openapi()
        return JSONResponse({**document, "servers": [{"url": request.scope.get("root_path", "") or "/"}]})

    return router


def _policy(find: Callable[[], OpenDeployment]) -> str:
    """What the page may load: its own files, and media from below the source URI. No inline script, no other site."""
    try:
        media = find().links.folder
    except AirflowFailException:  # not set up: the page itself will say so
        media = ""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": f"'self' blob: {media}",
        "media-src": f"'self' blob: {media}",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }
    return "; ".join(f"{name} {value.strip()}" for name, value in rules.items())

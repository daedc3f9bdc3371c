"""Embeddings of texts on request: `POST api/embeddings/generate`, `GET api/embeddings/{id}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path

from nova_mme import text_embedding
from nova_mme_airflow.web.answer import EmbeddingAnswer, StoredEmbedding
from nova_mme_airflow.web.body import EMBEDDING_ID, Generation
from nova_mme_airflow.web.deployment import OpenDeployment


def embedding_routes(find: Callable[[], OpenDeployment], may_run: Callable[..., Any]) -> APIRouter:
    """The routes.

    :param find: opens the deployment.
    :param may_run: dependency of what is stored.
    """
    router = APIRouter(tags=["embeddings"])

    @router.post("/api/embeddings/generate", response_model=EmbeddingAnswer, dependencies=[Depends(may_run)])
    def generate(body: Generation) -> dict[str, Any]:
        """Embed a text with Titan Text Embeddings V2; these vectors are of no space, and never searched.

        With `store_in_s3` the embedding is kept below the output URI. An id is never overwritten: the same text may be
        sent again under it, another one is a 409.
        """
        deployment = find()
        settings, clients = deployment.settings, deployment.clients
        made = text_embedding.generate(
            body.text,
            bedrock=clients.bedrock,
            s3=clients.s3,
            output_uri=settings.output_uri,
            bucket_owner=settings.bucket_owner,
            dimensions=body.dimensions,
            normalize=body.normalize,
            store_in_s3=body.store_in_s3,
            embedding_id=body.embedding_id or "",
        )
        return made.as_document()

    @router.get("/api/embeddings/{embedding_id}", response_model=StoredEmbedding)
    def read(embedding_id: Annotated[str, Path(pattern=EMBEDDING_ID)]) -> dict[str, Any]:
        """An embedding that was stored."""
        deployment = find()
        stored = text_embedding.read(
            embedding_id,
            s3=deployment.clients.s3,
            output_uri=deployment.settings.output_uri,
            bucket_owner=deployment.settings.bucket_owner,
        )
        if stored is None:
            raise HTTPException(404, f"No embedding is stored under the id {embedding_id!r}.")
        return stored

    return router

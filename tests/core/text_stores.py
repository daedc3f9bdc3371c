"""Named stores and files to put into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.deployment import Deployment, no_sleep
from core.library import open_registry

from nova_mme.text_store.catalog import Catalog
from nova_mme.text_store.chunk import Cutting
from nova_mme.text_store.indexing import FileOutcome, Indexing
from nova_mme.text_store.named_store import NamedStore

CUTTING = Cutting(100, 0)
INVOKED = "bedrock-runtime.InvokeModel"


def open_catalog(deployment: Deployment) -> Catalog:
    """The catalog of the deployment's vector bucket."""
    return Catalog(deployment.s3vectors, "vectors", open_registry(deployment).read())


def make_store(deployment: Deployment) -> NamedStore:
    """An empty store, ``notes``, of 256 dimensions."""
    catalog = open_catalog(deployment)
    catalog.create("notes", 256)
    return catalog.open("notes")


def sentences(count: int, about: str = "cats") -> str:
    """A text that is cut into so many chunks."""
    return " ".join(
        f"Sentence number {number:03} tells {about} and fills a whole chunk of text."
        for number in range(count)
    )


def index(
    deployment: Deployment, store: NamedStore, *paths: Path, cutting: Cutting = CUTTING, **options: Any
) -> dict[str, FileOutcome]:
    """Index files; what became of each, by its name."""
    made = Indexing(store, deployment.bedrock, cutting, sleep=no_sleep, **options)
    return {Path(outcome.path).name: outcome for outcome in made.run(paths)}


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file; returns where it is."""
    (folder / name).write_text(text)
    return folder / name


def read_store(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """All that is in the store ``notes``, by key."""
    pages = deployment.s3vectors.get_paginator("list_vectors").paginate(
        vectorBucketName="vectors", indexName="notes", returnMetadata=True, returnData=True
    )
    return {vector["key"]: vector for page in pages for vector in page["vectors"]}

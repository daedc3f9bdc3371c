"""The web API's text embeddings: made by Titan, kept under an id, read again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shell.web_site import Site


def test_a_text_is_embedded(site: Site) -> None:
    """At unit norm and the dimension that was asked for; nothing is kept."""
    made = site.post("/api/embeddings/generate", text="rain on a roof", dimensions=256)

    assert np.linalg.norm(made["embedding"]) == pytest.approx(1.0, abs=1e-5)
    assert (made["dimension"], len(made["embedding"])) == (256, 256)
    assert made["processing_time_ms"] > 0
    assert (made["stored_in_s3"], made["s3_key"]) == (False, None)
    assert site.deployment.s3.list_objects_v2(Bucket="output").get("KeyCount") == 0


def test_a_kept_one_is_read_by_its_id(site: Site) -> None:
    """The same numbers, from the object that was named."""
    made = site.post("/api/embeddings/generate", text="rain", store_in_s3=True, embedding_id="rain-1")

    read = site.get("/api/embeddings/rain-1")
    kept = site.deployment.s3.get_object(Bucket="output", Key=made["s3_key"])["Body"].read()
    assert made["s3_key"] == "nova/embeddings/rain-1.json"
    assert read["embedding"] == made["embedding"] == json.loads(kept)["embedding"]
    assert read["text"] == "rain"


def test_an_unknown_one_is_a_404(site: Site) -> None:
    """With a sentence; an id that cannot be is none of the bucket's business."""
    before = site.deployment.calls("s3.GetObject")
    unknown = site.client.get("/api/embeddings/rain-2")
    strange = site.client.get("/api/embeddings/..%5csecret")

    assert unknown.status_code == 404
    assert unknown.json() == {"detail": "No embedding is stored under the id 'rain-2'."}
    assert strange.status_code == 422
    assert site.deployment.calls("s3.GetObject") == before


def test_an_id_is_never_overwritten(site: Site) -> None:
    """The same text again is no matter, another one is a conflict."""
    first = site.post("/api/embeddings/generate", text="rain", store_in_s3=True, embedding_id="x")
    again = site.post("/api/embeddings/generate", text="rain", store_in_s3=True, embedding_id="x")
    status, told = site.refuse("/api/embeddings/generate", text="sun", store_in_s3=True, embedding_id="x")

    assert first["embedding"] == again["embedding"]
    assert status == 409
    assert "'x' is taken" in told

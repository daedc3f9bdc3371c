"""Indexing local files when something is wrong: with a file, a chunk, the service, or the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.deployment import Deployment
from core.text_stores import CUTTING, INVOKED, index, make_store, read_store, sentences, write

from nova_mme.errors import IndexMismatch, Unfinished
from nova_mme.text_store.indexing import Fate, Indexing
from nova_mme.text_store.named_store import NamedStore


@pytest.fixture
def store(deployment: Deployment) -> NamedStore:
    """An empty store of 256 dimensions."""
    return make_store(deployment)


def test_a_bad_file_sinks_no_other(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """It is named, with the reason."""
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"\0\1\2")
    places = [
        write(tmp_path, "a.txt", "First."),
        bad,
        write(tmp_path, "empty.txt", ""),
        tmp_path / "none.txt",
        write(tmp_path, "z.txt", "Last."),
    ]

    outcomes = index(deployment, store, *places)

    assert {name: outcome.problem for name, outcome in outcomes.items() if outcome.fate is Fate.FAILED} == {
        "bad.txt": "It is no text to index: it holds binary data.",
        "empty.txt": "There is nothing in it to index.",
        "none.txt": "It cannot be read: No such file or directory.",
    }
    assert {vector["metadata"]["text"] for vector in read_store(deployment).values()} == {"First.", "Last."}


def _refuse(deployment: Deployment, words: str, code: str, status: int) -> Any:
    """Have the model refuse texts with these words; returns what ends it."""

    def answer(model: Any, params: dict[str, Any], **_: Any) -> Any:
        if words.encode() not in params["body"]:
            return None

        class Response:
            status_code = status

        return Response(), {
            "Error": {"Code": code, "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    events = deployment.bedrock.meta.events
    events.register("before-call.bedrock-runtime.InvokeModel", answer)
    return lambda: events.unregister("before-call.bedrock-runtime.InvokeModel", answer)


def test_a_chunk_that_the_model_refuses_fails_its_file(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """The others are stored, and of the file itself what could be; what is old of it stays."""
    place = write(tmp_path, "cats.md", sentences(5))
    index(deployment, store, place)
    write(tmp_path, "cats.md", sentences(3, "mice"))
    end = _refuse(deployment, "number 001", "ValidationException", 400)

    outcomes = index(deployment, store, place, write(tmp_path, "dogs.md", "Dogs."))
    end()

    assert outcomes["cats.md"].problem.startswith("The model refuses characters 64 to 127: no")
    assert outcomes["cats.md"].embedded == 2
    assert outcomes["dogs.md"].fate is Fate.INDEXED
    texts = [vector["metadata"]["text"] for vector in read_store(deployment).values()]
    assert sum("mice" in text for text in texts) == 2
    assert len(texts) == 6


def test_a_busy_service_is_waited_for(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """Throttles are no failures."""
    deployment.put_faults({"operation": INVOKED, "code": "ThrottlingException", "times": 5})
    slept: list[float] = []

    made = Indexing(store, deployment.bedrock, CUTTING, sleep=slept.append)
    (outcome,) = made.run([write(tmp_path, "cats.md", sentences(3))])

    assert (outcome.fate, outcome.embedded, len(slept)) == (Fate.INDEXED, 3, 5)


def test_a_service_that_stays_busy_ends_the_run(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """What was embedded until then is stored; the same command goes on from there."""
    place = write(tmp_path, "cats.md", sentences(6))
    end = _refuse(deployment, "number 004", "ThrottlingException", 429)

    with pytest.raises(Unfinished, match="stayed busy .* embeds only what is missing"):
        index(deployment, store, place, patience=0.0)
    end()

    assert len(read_store(deployment)) == 4
    assert index(deployment, store, place)["cats.md"].embedded == 2


def test_what_no_waiting_mends_goes_up(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """No permission is no file's fault."""
    end = _refuse(deployment, "number", "AccessDeniedException", 403)

    with pytest.raises(ClientError, match="AccessDenied"):
        index(deployment, store, write(tmp_path, "cats.md", sentences(3)))
    end()


def test_another_models_vectors_are_not_mixed_in(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """Where a file's chunks turn out to be of another space, nothing is put."""
    place = write(tmp_path, "cats.md", sentences(2))
    index(deployment, store, place)
    key = next(iter(read_store(deployment)))
    deployment.s3vectors.put_vectors(
        vectorBucketName="vectors",
        indexName="notes",
        vectors=[{"key": key, "data": {"float32": [1.0] * 256}, "metadata": {"space": "other"}}],
    )
    write(tmp_path, "cats.md", sentences(2, "mice"))

    with deployment.record("s3vectors") as calls, pytest.raises(IndexMismatch, match="the space 'other'"):
        index(deployment, store, place)

    assert "PutVectors" not in [call.operation for call in calls]

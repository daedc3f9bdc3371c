"""Indexing local files into a named store: what is stored, and what is paid for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import orjson
import pytest
from core.deployment import Call, Deployment
from core.text_stores import CUTTING, INVOKED, index, make_store, read_store, sentences, write

from nova_mme.errors import BadSetting
from nova_mme.matryoshka import truncate
from nova_mme.recipe import INDEX_PURPOSE
from nova_mme.search.query import TextQuery, embed_query
from nova_mme.text_store import indexing
from nova_mme.text_store.chunk import Cutting
from nova_mme.text_store.indexing import Fate, FileOutcome
from nova_mme.text_store.named_store import NamedStore
from nova_mme.text_store.text_file import find_uri


@pytest.fixture
def store(deployment: Deployment) -> NamedStore:
    """An empty store of 256 dimensions."""
    return make_store(deployment)


def test_a_chunk_is_stored_whole(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """Its vector is the beginning of Nova's 3072-d one, at unit norm; its metadata has our names."""
    place = write(tmp_path, "cats.md", sentences(2))
    os.utime(place, (1_700_000_000, 1_700_000_000))

    outcomes = index(deployment, store, place, clock=lambda: 1_800_000_000.5)

    assert outcomes == {"cats.md": FileOutcome(str(place), Fate.INDEXED, chunks=2, embedded=2)}
    first = min(read_store(deployment).values(), key=lambda vector: vector["key"])
    facts = first["metadata"]
    text = sentences(1)
    full = embed_query(
        TextQuery(text), 3072, bedrock=deployment.bedrock, space=store.space, purpose=INDEX_PURPOSE
    )
    np.testing.assert_array_equal(
        np.float32(first["data"]["float32"]), truncate(full[np.newaxis].astype(np.float64), 256)[0]
    )
    assert first["key"] == f"{facts['objectId']}/TEXT/0"
    assert facts == {
        "objectId": facts["objectId"],
        "modalityType": "text",
        "embeddingType": "TEXT",
        "fileType": "md",
        "contentType": "text/plain",
        "segmentIndex": 0,
        "segmentStartCharPosition": 0,
        "segmentEndCharPosition": len(text),
        "fileSize": len(sentences(2)),
        "uploadTimestamp": 1_700_000_000,
        "processingTimestamp": 1_800_000_000,
        "embeddingDimension": 256,
        "space": store.space.name,
        "recipe": CUTTING.fingerprint,
        "sourceS3Uri": find_uri(place),
        "fileName": "cats.md",
        "text": text,
        "etag": facts["etag"],
    }


def test_the_model_is_told_that_it_is_an_index(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """The purpose of chunks, at 3072 dimensions; queries have theirs."""
    with deployment.record("bedrock") as calls:
        index(deployment, store, write(tmp_path, "cats.md", "Cats."))
        store.find("cats", bedrock=deployment.bedrock)

    asked = [orjson.loads(call.params["body"])["singleEmbeddingParams"] for call in calls]
    assert [(one["embeddingPurpose"], one["embeddingDimension"]) for one in asked] == [
        ("GENERIC_INDEX", 3072),
        ("GENERIC_RETRIEVAL", 3072),
    ]


def test_an_unchanged_file_costs_nothing(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """Not a call of the model, not a put."""
    places = [write(tmp_path, f"{number}.txt", sentences(3, f"of {number}")) for number in range(3)]
    index(deployment, store, *places)
    before = deployment.calls(INVOKED)

    with deployment.record("s3vectors") as calls:
        outcomes = index(deployment, store, *places)

    assert {outcome.fate for outcome in outcomes.values()} == {Fate.UNCHANGED}
    assert deployment.calls(INVOKED) == before == 9
    assert not {"PutVectors", "DeleteVectors"} & {call.operation for call in calls}


def test_a_shorter_version_leaves_nothing_behind(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """Chunks of the longer one are deleted; those of other files stay."""
    place = write(tmp_path, "cats.md", sentences(5))
    other = write(tmp_path, "dogs.md", sentences(4, "dogs"))
    index(deployment, store, place, other)

    outcomes = index(deployment, store, write(tmp_path, "cats.md", sentences(2, "mice")))

    assert outcomes["cats.md"] == FileOutcome(str(place), Fate.INDEXED, chunks=2, embedded=2, removed=3)
    names = [vector["metadata"]["fileName"] for vector in read_store(deployment).values()]
    assert (names.count("cats.md"), names.count("dogs.md")) == (2, 4)
    assert not any("cats" in vector["metadata"]["text"] for vector in read_store(deployment).values())


def test_another_cutting_is_another_version(
    deployment: Deployment, store: NamedStore, tmp_path: Path
) -> None:
    """The same file is cut anew; what is left over goes."""
    place = write(tmp_path, "cats.md", sentences(6))
    index(deployment, store, place)

    outcomes = index(deployment, store, place, cutting=Cutting(300, 0))

    assert outcomes["cats.md"] == FileOutcome(str(place), Fate.INDEXED, chunks=2, embedded=2, removed=4)
    assert len(read_store(deployment)) == 2


def test_only_what_is_missing_is_embedded(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """As after a run that was stopped."""
    place = write(tmp_path, "cats.md", sentences(5))
    index(deployment, store, place)
    lost = [key for key in read_store(deployment) if key.endswith(("/1", "/3"))]
    store.delete(lost)
    before = deployment.calls(INVOKED)

    outcomes = index(deployment, store, place)

    assert (outcomes["cats.md"].chunks, outcomes["cats.md"].embedded) == (5, 2)
    assert deployment.calls(INVOKED) == before + 2
    assert len(read_store(deployment)) == 5


def test_files_share_a_put(
    deployment: Deployment, store: NamedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A put is billed as 128 KB at least: small files go together, in full calls."""
    monkeypatch.setattr(indexing, "_ROWS", 10)
    places = [write(tmp_path, f"{number}.txt", f"Number {number}.") for number in range(25)]

    with deployment.record("s3vectors") as calls:
        index(deployment, store, *places)

    assert _count(calls, "PutVectors") == 3
    assert len(read_store(deployment)) == 25


def _count(calls: list[Call], operation: str) -> int:
    return sum(call.operation == operation for call in calls)


def test_progress_is_told(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """After every chunk."""
    told: list[int] = []

    index(deployment, store, write(tmp_path, "cats.md", sentences(4)), report=told.append)

    assert told == [1, 2, 3, 4]


def test_a_store_finds_its_chunks(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """Best first, with the place in the file and the text; one call of the model."""
    text = "Espresso is strong coffee, and it is drunk from small cups."
    coffee = write(tmp_path, "coffee.txt", f"{text}\n\n" + "Roasted beans are ground for it." * 3)
    rain = write(tmp_path, "rain.txt", "Rain falls from clouds.")
    index(deployment, store, coffee, rain)
    before = deployment.calls(INVOKED)

    first, *others = store.find("strong espresso coffee", bedrock=deployment.bedrock, top_k=2)

    assert (first.name, first.uri, first.start, first.end) == ("coffee.txt", find_uri(coffee), 0, len(text))
    assert first.text == first.snippet == text
    assert len(others) == 1
    assert 1 >= first.score > others[0].score >= -1
    assert deployment.calls(INVOKED) == before + 1


def test_what_a_store_holds(deployment: Deployment, store: NamedStore, tmp_path: Path) -> None:
    """Chunks, files, and when it was filled last."""
    assert store.count().as_document() == {"chunks": 0, "files": 0, "indexed": None}

    places = [write(tmp_path, name, sentences(2, name)) for name in ("a.md", "b.md")]
    index(deployment, store, *places, clock=lambda: 1_800_000_000.0)

    assert store.count().as_document() == {"chunks": 4, "files": 2, "indexed": 1_800_000_000}


@pytest.mark.parametrize(("text", "top_k"), [("", 10), ("x" * 8193, 10), ("cats", 0), ("cats", 101)])
def test_queries_that_cannot_be(deployment: Deployment, store: NamedStore, text: str, top_k: int) -> None:
    """Are refused before the model is asked."""
    before = deployment.calls(INVOKED)

    with pytest.raises(BadSetting):
        store.find(text, bedrock=deployment.bedrock, top_k=top_k)

    assert deployment.calls(INVOKED) == before

"""Indexes rebuilt from kept outputs: the very bits, nothing asked of the model, what has expired is named."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from core.builders import make_line, make_run, make_summary
from core.deployment import Deployment, texts
from core.rebuilding import (
    RUN,
    all_etags,
    count_model_calls,
    embed_long,
    embed_three,
    lose,
    rebuild,
    take_snapshot,
)
from core.stocked import RECIPE, alter, compare
from media.documents import Page, make_docx, make_pdf, paragraph

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.row import Row, Status
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS
from nova_mme.vector_writer import BATCH_ROWS

_DOCUMENTS = make_run(Modality.DOCUMENT)


def _expire(deployment: Deployment, source: Source, ending: str = "", *, job: int | None = None) -> None:
    """Delete outputs of a source as a lifecycle rule does."""
    arns = deployment.row(source).invocation_arns
    ids = [arn.rpartition("/")[2] for arn in (arns if job is None else arns[job : job + 1])]
    for key in deployment.output_files():
        if any(f"/{name}/" in key for name in ids) and key.endswith(ending):
            deployment.s3.delete_object(Bucket="output", Key=key)


def _bits(deployment: Deployment, dimension: int) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """An index: key -> the vector's bytes, its metadata but for the time of processing."""
    return {
        key: (vector.tobytes(), {**metadata, "processingTimestamp": 0})
        for key, (vector, metadata) in take_snapshot(deployment, dimension).items()
    }


def _upload_documents(deployment: Deployment, pages: int = 3) -> Source:
    body = make_pdf([Page(f"This is page {number + 1}.") for number in range(pages)])
    return deployment.upload("report.pdf", body, ContentType="application/pdf")


@pytest.mark.parametrize("dimensions", [(3072,), (256, 1024), DIMENSIONS], ids=str)
def test_lost_indexes_come_back_bit_by_bit(deployment: Deployment, dimensions: Sequence[int]) -> None:
    """Texts, pictures, videos and documents, of which a page has failed; and not one call to the model."""
    embed_three(deployment)
    _upload_documents(deployment)
    deployment.upload("minutes.docx", make_docx(paragraph("All cats are grey at night.")))
    deployment.put_faults({"job": "page-0002", "status": "Failed", "message": "The image is broken."})
    assert sorted(outcome.status for outcome in deployment.embed(_DOCUMENTS)) == ["partial", "stored"]
    before = {dimension: _bits(deployment, dimension) for dimension in DIMENSIONS}
    calls, rows = count_model_calls(deployment), _rows(deployment)
    lose(deployment, *dimensions)

    counts = rebuild(deployment).from_outputs(dimensions)

    assert counts == {"sources": 5} | {f"vectors_{n}": len(before[n]) for n in dimensions}
    assert {dimension: _bits(deployment, dimension) for dimension in DIMENSIONS} == before
    assert count_model_calls(deployment) == calls
    assert (_rows(deployment), compare(deployment).kinds) == (rows, {})


def _rows(deployment: Deployment) -> list[dict[str, Any]]:
    """The ledger's items, but for the time of their last change."""
    items = deployment.dynamodb.Table("ledger").scan()["Items"]
    return sorted(({**item, "updated": 0} for item in items), key=lambda item: str(item["object_id"]))


def test_the_time_of_processing_is_when_it_was_stored(deployment: Deployment) -> None:
    """As the ledger knows it; not the time of the rebuild."""
    source = embed_long(deployment)
    alter(deployment, source, updated=1_700_000_000)

    rebuild(deployment).from_outputs([3072])

    metadata = deployment.vector(3072, f"{source.object_id}/TEXT/0")["metadata"]
    assert metadata["processingTimestamp"] == 1_700_000_000


def test_only_what_was_asked_for_is_put(deployment: Deployment) -> None:
    """The other indexes are full, and are not paid for again."""
    embed_three(deployment)
    lose(deployment, 384)

    with deployment.record("s3vectors") as calls:
        rebuild(deployment).from_outputs([384])

    puts = [call.params["indexName"] for call in calls if call.operation == "PutVectors"]
    assert puts == ["embeddings-384d"]


def test_a_dimension_that_cannot_be(deployment: Deployment) -> None:
    """The model was trained at four."""
    with pytest.raises(BadSetting, match="256, 384, 1024, 3072"):
        rebuild(deployment).from_outputs([3072, 4096])


@pytest.mark.parametrize("ending", ["", "segmented-embedding-result.json", ".jsonl"])
def test_an_expired_output_is_named(deployment: Deployment, ending: str) -> None:
    """All of it, its summary or its file: nothing of the source is changed, and the others are rebuilt."""
    first, second = texts(deployment, 2)
    deployment.embed(RUN)
    _expire(deployment, first, ending)
    row = deployment.row(first)
    lose(deployment, 1024)
    doing = rebuild(deployment)

    counts = doing.from_outputs([256, 1024])

    assert counts == {"sources": 1, "vectors_256": 1, "vectors_1024": 1, "expired": 1}
    assert (doing.expired, deployment.row(first)) == ([first.uri], row)
    assert deployment.keys(1024) == {f"{second.object_id}/TEXT/0"}
    assert len(deployment.keys(256)) == 2


def test_expired_outputs_are_all_counted(deployment: Deployment) -> None:
    """Twenty are named."""
    sources = texts(deployment, 22, words=6)
    deployment.embed(RUN)
    for source in sources:
        _expire(deployment, source)
    doing = rebuild(deployment)

    assert doing.from_outputs([256]) == {"expired": 22}

    assert len(set(doing.expired)) == 20


@pytest.mark.parametrize("ending", ["", "embedding-image.json"])
def test_a_document_of_which_a_page_expired_is_left_whole(deployment: Deployment, ending: str) -> None:
    """Not one of its pages is put; one that has failed from the start is not missed."""
    source = _upload_documents(deployment)
    deployment.put_faults({"job": "page-0002", "status": "Failed", "message": "The image is broken."})
    deployment.embed(_DOCUMENTS)
    _expire(deployment, source, ending, job=2)
    lose(deployment, 256)

    assert rebuild(deployment).from_outputs([256]) == {"expired": 1}

    assert (deployment.keys(256), len(deployment.keys(384))) == (set(), 2)


def test_a_video_of_which_the_sound_expired_is_left_whole(deployment: Deployment) -> None:
    """One job, two files."""
    embed_three(deployment)
    (video,) = (source for source in deployment.listing() if source.name == "a.mp4")
    keys = {key for key in deployment.keys(256) if not key.startswith(video.object_id)}
    _expire(deployment, video, "audio.jsonl")
    lose(deployment, 256)

    counts = rebuild(deployment).from_outputs([256])

    assert (counts["sources"], counts["expired"], deployment.keys(256)) == (2, 1, keys)


def test_what_is_not_stored_is_left_to_its_run(deployment: Deployment) -> None:
    """Its job's output is another version's than the vectors that there are."""
    embed_long(deployment)
    deployment.upload("a.txt", b"version two")
    shard = deployment.shard(RUN)
    deployment.wait(deployment.submit(shard))
    lose(deployment, 256)

    assert rebuild(deployment).from_outputs([256]) == {"not_stored": 1}

    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"]
    assert len(deployment.all_keys()) == 1


def test_words_that_are_gone_are_counted(deployment: Deployment) -> None:
    """The object was uploaded anew and not embedded yet: the vectors are good, their words are not to be had."""
    source = embed_long(deployment)
    deployment.upload("a.txt", b"version two")

    assert rebuild(deployment).from_outputs([256]) == {"sources": 1, "vectors_256": 3, "without_text": 1}

    assert "text" not in deployment.vector(256, f"{source.object_id}/TEXT/0")["metadata"]


def test_an_output_of_other_segments_is_stored_again(deployment: Deployment) -> None:
    """The ledger has counted more than the output holds: its own job's store step decides, at no cost."""
    source = embed_long(deployment)
    (key,) = (key for key in deployment.output_files() if key.endswith("text.jsonl"))
    lines = deployment.s3.get_object(Bucket="output", Key=key)["Body"].read().splitlines(keepends=True)
    deployment.s3.put_object(Bucket="output", Key=key, Body=b"".join(lines[:2]))

    assert rebuild(deployment).from_outputs([256]) == {"reopened": 1}

    deployment.embed(RUN)
    assert (deployment.row(source).counts, len(deployment.all_keys())) == ({"TEXT": 2}, 2)
    assert deployment.jobs_started() == 1


@pytest.mark.parametrize(
    "operation", ["s3.GetObject", "s3vectors.PutVectors", "dynamodb.UpdateItem", "dynamodb.BatchGetItem"]
)
def test_a_replay_that_breaks_off_is_run_again(deployment: Deployment, operation: str) -> None:
    """The error is told, and the next try finishes."""
    embed_three(deployment)
    before = _bits(deployment, 3072)
    lose(deployment, 3072)
    fault = {"operation": operation, "code": "InternalServerError", "status": 500, "times": 1}
    deployment.put_faults(fault)

    with pytest.raises(ClientError):
        rebuild(deployment).from_outputs([3072])
    assert rebuild(deployment).from_outputs([3072])["sources"] == 3

    assert (_bits(deployment, 3072), all_etags(deployment)) == (
        before,
        {source.etag for source in deployment.listing()},
    )


class _OneOutput:
    """An S3 where every job has written the same line, and texts say nothing."""

    _summary = make_summary(
        {"embeddingType": "TEXT", "status": "SUCCESS", "outputFileUri": "s3://output/x.jsonl"}
    )
    _line = make_line(0)

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """A GET as boto3's."""
        body = self._summary if Key.endswith(".json") else self._line if Key.endswith(".jsonl") else b""
        return {"Body": io.BytesIO(body)}


def test_memory_does_not_grow_with_the_ledger(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some batches, however many sources there are."""
    peaks, asked_at_once = [], []
    monkeypatch.setattr("nova_mme.store.VectorStore.put", lambda self, dimension, batch: len(batch))
    for count in (1, 4 * BATCH_ROWS, 16 * BATCH_ROWS):
        rows = {row.object_id: row for row in map(_make_row, range(count))}
        monkeypatch.setattr("nova_mme.ledger.Ledger.scan", lambda self, rows=rows: iter(rows.values()))

        def look_up(self: Any, asked: Any, rows: dict[str, Row] = rows) -> dict[str, Row]:
            found = {one.object_id: rows[one.object_id] for one in asked}
            asked_at_once.append(len(found))
            return found

        monkeypatch.setattr("nova_mme.ledger.Ledger.rows", look_up)
        monkeypatch.setattr("nova_mme.ledger.Ledger.stored", lambda self, *_, **__: True)
        doing = rebuild(deployment)
        doing.s3 = _OneOutput()
        tracemalloc.start()
        assert doing.from_outputs([256])["sources"] == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[2] < 1.5 * peaks[1]
    assert max(asked_at_once) <= 2 * BATCH_ROWS


def _make_row(number: int) -> Row:
    source = Source(f"s3://media/{number}.txt", "v1", 100, 0)
    return Row(
        source.object_id,
        "test",
        source.uri,
        "v1",
        RECIPE.fingerprint,
        Status.STORED,
        "text",
        invocation_arns=("arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc",),
        segments={"TEXT": 1},
        counts={"TEXT": 1},
        updated=1,
    )

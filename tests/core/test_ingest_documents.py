"""Storing documents: a page is a job and a segment of its own, a .docx is its text."""

from __future__ import annotations

from core.builders import make_run
from core.deployment import Deployment
from media.documents import Page, make_docx, make_pdf, paragraph

from nova_mme.errors import Reason
from nova_mme.modality import Modality
from nova_mme.row import Status
from nova_mme.shard import Shard
from nova_mme.source import Source

_RUN = make_run(Modality.DOCUMENT)


def _upload(deployment: Deployment, pages: int) -> Source:
    body = make_pdf([Page(f"This is page {number + 1}.") for number in range(pages)])
    return deployment.upload("report.pdf", body, ContentType="application/pdf")


def _finish(deployment: Deployment) -> Shard:
    shard = deployment.shard(_RUN)
    deployment.wait(deployment.submit(shard))
    return shard


def _keys(source: Source, *pages: int) -> set[str]:
    return {f"{source.object_id}/IMAGE/{page}" for page in pages}


def test_each_page_is_a_segment(deployment: Deployment) -> None:
    """Numbered from 1 for people, in one put per index, with one row in the ledger."""
    source = _upload(deployment, 3)

    (outcome,) = deployment.embed(_RUN)

    assert (outcome.status, outcome.segments) == ("stored", {"IMAGE": 3})
    assert deployment.all_keys() == _keys(source, 0, 1, 2)
    documents = [deployment.vector(256, f"{source.object_id}/IMAGE/{n}")["metadata"] for n in range(3)]
    assert [(item["segmentIndex"], item["pageNumber"]) for item in documents] == [(0, 1), (1, 2), (2, 3)]
    assert {(item["modalityType"], item["fileType"], item["embeddingType"]) for item in documents} == {
        ("document", "pdf", "IMAGE")
    }
    assert {item["sourceS3Uri"] for item in documents} == {"s3://media/report.pdf"}
    assert (deployment.row(source).counts, deployment.calls("s3vectors.PutVectors")) == ({"IMAGE": 3}, 4)


def test_pages_can_be_filtered_by_their_number(deployment: Deployment) -> None:
    """The number is a filterable key."""
    source = _upload(deployment, 3)
    deployment.embed(_RUN)

    answer = deployment.s3vectors.query_vectors(
        vectorBucketName="vectors",
        indexName="embeddings-256d",
        queryVector={"float32": [1.0] * 256},
        topK=10,
        filter={"pageNumber": {"$gte": 2}},
    )

    assert {item["key"] for item in answer["vectors"]} == _keys(source, 1, 2)


def test_a_failed_page_spoils_no_other(deployment: Deployment) -> None:
    """Its job failed: the document is partial, and says which page and why."""
    source = _upload(deployment, 3)
    deployment.put_faults({"job": "page-0002", "status": "Failed", "message": "The image is broken."})

    (outcome,) = deployment.embed(_RUN)

    assert (outcome.status, outcome.failed_segments, outcome.reason) == ("partial", 1, Reason.JOB_FAILED)
    assert "IMAGE 1: The image is broken." in outcome.message
    assert deployment.all_keys() == _keys(source, 0, 2)
    assert deployment.row(source).status is Status.PARTIAL


def test_a_page_without_a_job_is_a_failed_segment(deployment: Deployment) -> None:
    """It could not be rendered: the ledger keeps its place among the others."""
    source = _upload(deployment, 3)
    shard = _finish(deployment)
    row = deployment.row(source)
    arns = (row.invocation_arns[0], "", row.invocation_arns[2])
    deployment.ledger.submitted(
        source,
        _RUN.recipe,
        attempt=1,
        invocation_arns=arns,
        media_format=row.media_format,
        content_type=row.content_type,
        note="Two of its three pages are good.",
    )

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.failed_segments, outcome.reason) == ("partial", 1, Reason.BAD_SEGMENT)
    assert "IMAGE 1: It could not be rendered" in outcome.message
    assert outcome.note == "Two of its three pages are good."
    assert deployment.all_keys() == _keys(source, 0, 2)
    assert deployment.vector(256, f"{source.object_id}/IMAGE/2")["metadata"]["pageNumber"] == 3


def test_a_page_in_progress_leaves_the_document_for_later(deployment: Deployment) -> None:
    """Whole documents or none: the next try finds all its jobs, and pays for none again."""
    source = _upload(deployment, 2)
    deployment.put_faults({"job": "page-0002", "delay_seconds": 0.5})
    shard = deployment.shard(_RUN)
    arns = deployment.submit(shard)
    deployment.wait(arns[:1])

    (early,) = deployment.ingest(shard)

    assert (early.status, early.reason) == ("failed", Reason.NOT_FINISHED)
    assert deployment.row(source).status is Status.SUBMITTED
    deployment.wait(arns)
    assert [outcome.status for outcome in deployment.ingest(shard)] == ["stored"]
    assert deployment.jobs_started() == 2


def test_a_pages_lost_output_is_worth_another_try(deployment: Deployment) -> None:
    """The others are stored; the next run embeds the document anew."""
    source = _upload(deployment, 2)
    shard = _finish(deployment)
    (job,) = (arn.rsplit("/", 1)[-1] for arn in deployment.row(source).invocation_arns[1:])
    for key in deployment.output_files():
        if f"/{job}/" in key:
            deployment.s3.delete_object(Bucket="output", Key=key)

    (outcome,) = deployment.ingest(shard)

    assert (outcome.status, outcome.reason) == ("partial", Reason.NO_OUTPUT)
    assert deployment.plan(_RUN).counts == {"retried": 1}


def test_a_shorter_document_leaves_no_page_over(deployment: Deployment) -> None:
    """The pages that it has no more are gone from all four indexes."""
    _upload(deployment, 3)
    deployment.embed(_RUN)
    source = _upload(deployment, 1)

    deployment.embed(_RUN)

    assert deployment.all_keys() == _keys(source, 0)


def test_a_docx_is_stored_as_its_text(deployment: Deployment) -> None:
    """A hit shows what the segment says, read from the rendition and not from the zipped XML."""
    source = deployment.upload("minutes.docx", make_docx(paragraph("All cats are grey at night.")))

    (outcome,) = deployment.embed(_RUN)

    assert (outcome.status, outcome.segments) == ("stored", {"TEXT": 1})
    document = deployment.vector(1024, f"{source.object_id}/TEXT/0")["metadata"]
    assert "All cats are grey at night." in document["text"]
    assert (document["modalityType"], document["fileType"]) == ("document", "docx")
    assert "pageNumber" not in document

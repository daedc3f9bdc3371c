"""The StartAsyncInvoke call of one source: the same for the same work, with owner and key where they are set."""

from __future__ import annotations

from dataclasses import replace

from core.builders import ACCOUNT, make_run, make_settings, make_source

from nova_mme.documents.rendition import Rendition
from nova_mme.modality import Modality
from nova_mme.nova import request_token
from nova_mme.plan import request_parts
from nova_mme.preflight.content import Inspection
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.shard import Shard, Work
from nova_mme.space import Space
from nova_mme.submit import start_request


def _shard(settings: Settings, run: Run) -> Shard:
    return Shard(0, settings, settings.space, run, ())


def test_the_request_depends_on_the_source_alone() -> None:
    """Not on the run: a repeated token must come with the same request, in the folder of its source."""
    settings, run = make_settings(), make_run(Modality.VIDEO)
    shard = _shard(settings, run)
    work = Work(make_source("ünï/cat.mp4"), 2, "new")
    found = Inspection("mp4", "video/mp4", 6)
    rendition = Rendition(work.source.uri, Modality.VIDEO, "mp4")
    request = start_request(shard, work, found, rendition)

    retried = replace(work, why="retried", invocation_arns=("x",))
    assert request == start_request(shard, retried, found, rendition)
    assert request["modelId"] == settings.model_id
    assert request["modelInput"]["segmentedEmbeddingParams"]["video"]["source"] == {
        "s3Location": {"uri": "s3://media/ünï/cat.mp4"}
    }
    folder = f"s3://output/nova/invocations/nova-2-mme-v1-0-test/{work.source.object_id}"
    assert request["outputDataConfig"] == {"s3OutputDataConfig": {"s3Uri": folder}}
    parts = request_parts(work.source, run.recipe, settings.space.name, 2)
    assert request["clientRequestToken"] == request_token(*parts)
    other = start_request(shard, replace(work, attempt=3), found, rendition)
    assert other["clientRequestToken"] != request["clientRequestToken"]


def test_the_space_says_which_model() -> None:
    """Not the settings: during a change of the model two spaces are written to."""
    work, settings = Work(make_source("a.txt"), 1, "new"), make_settings()
    rendition, found = Rendition(work.source.uri, Modality.TEXT, "text"), Inspection("text", "", 32_000)
    shard = Shard(0, settings, Space("amazon.next-v2:0", first=False), make_run(), ())

    request = start_request(shard, work, found, rendition)
    other = start_request(_shard(settings, make_run()), work, found, rendition)

    assert request["modelId"] == "amazon.next-v2:0"
    assert "/invocations/next-v2-0/" in request["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
    assert request["clientRequestToken"] != other["clientRequestToken"]


def test_owner_and_key_go_along() -> None:
    """For the input, the output and its encryption; absent where nothing is set."""
    settings = make_settings(bucket_owner=ACCOUNT, kms_key_id="arn:aws:kms:us-east-1:123456789012:key/k")
    work = Work(make_source("a.txt"), 1, "new")
    rendition = Rendition(work.source.uri, Modality.TEXT, "text")
    found = Inspection("text", "", 32_000)
    request = start_request(_shard(settings, make_run()), work, found, rendition)

    output = request["outputDataConfig"]["s3OutputDataConfig"]
    assert (output["bucketOwner"], output["kmsKeyId"]) == (ACCOUNT, settings.kms_key_id)
    source = request["modelInput"]["segmentedEmbeddingParams"]["text"]["source"]
    assert source["s3Location"]["bucketOwner"] == ACCOUNT


def test_the_segment_length_is_the_one_that_was_found_legal() -> None:
    """Not the recipe's, where that would make too many segments."""
    work, shard = Work(make_source("a.mp3"), 1, "new"), _shard(make_settings(), make_run(Modality.AUDIO))
    rendition = Rendition(work.source.uri, Modality.AUDIO, "mp3")

    request = start_request(shard, work, Inspection("mp3", "", 6), rendition)

    audio = request["modelInput"]["segmentedEmbeddingParams"]["audio"]
    assert audio["segmentationConfig"] == {"durationSeconds": 6}


def test_a_page_is_an_image_of_dense_text() -> None:
    """The model is never told of documents; each page has a token of its own."""
    work, shard = Work(make_source("a.pdf"), 1, "new"), _shard(make_settings(), make_run(Modality.DOCUMENT))
    found = Inspection("pdf", "application/pdf", 32_000)
    pages = [
        Rendition(f"s3://output/page-{number}.png", Modality.IMAGE, "png", number) for number in range(2)
    ]

    first, second = (start_request(shard, work, found, page) for page in pages)

    assert first["modelInput"]["segmentedEmbeddingParams"]["image"] == {
        "format": "png",
        "detailLevel": "DOCUMENT_IMAGE",
        "source": {"s3Location": {"uri": "s3://output/page-0.png"}},
    }
    assert first["clientRequestToken"] != second["clientRequestToken"]

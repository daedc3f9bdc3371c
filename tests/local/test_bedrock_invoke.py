"""InvokeModel: answers, spaces, neighbours and limits, over HTTP with boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from botocore.exceptions import ClientError
from local.bedrock_calls import (
    BUCKET,
    NOVA,
    NOVA_NEXT,
    Desk,
    embed,
    inline,
    invoke,
    open_desk,
    single,
    text_item,
)
from local.media_files import PICTURES, SOUNDS, clip, picture, sound

from nova_mme_local.server import LocalAws


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One local AWS for all tests of this file; none of them changes what another sees."""
    with LocalAws() as aws:
        yield open_desk(aws)


def s3_item(desk: Desk, key: str, body: bytes | str, **more: object) -> dict[str, object]:
    """Upload an object and build an item that names it."""
    desk.upload(key, body)
    return {"source": {"s3Location": {"uri": f"s3://{BUCKET}/{key}"}}, **more}


@pytest.mark.parametrize("dimension", [256, 384, 1024, 3072])
def test_an_answer_is_the_unit_prefix_of_the_full_one(desk: Desk, dimension: int) -> None:
    """At every dimension: norm 1, and the normalised first coordinates of the 3072-d answer."""
    full, short = (embed(desk.bedrock, size, text=text_item("A tin of paint")) for size in (3072, dimension))
    assert short.shape == (dimension,)
    assert np.linalg.norm(short) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(short, full[:dimension] / np.linalg.norm(full[:dimension]), atol=1e-7, rtol=0)


def test_the_answer_says_who_gave_it(desk: Desk) -> None:
    """The body has Nova's members only; headers carry tokens, latency and the name of the stand-in."""
    answer = desk.bedrock.invoke_model(modelId=NOVA, body=json.dumps(single(256, text=text_item("eight ch"))))
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    body = json.loads(answer["body"].read())
    assert headers["x-local-embedder"] == "local-features-1"
    assert headers["x-amzn-bedrock-input-token-count"] == "2"
    assert int(headers["x-amzn-bedrock-invocation-latency"]) >= 0
    assert list(body) == ["embeddings"]
    assert [set(one) for one in body["embeddings"]] == [{"embeddingType", "embedding"}]
    assert body["embeddings"][0]["embeddingType"] == "TEXT"


def test_same_input_same_vector(desk: Desk) -> None:
    """Two calls give the same bits, by id and by ARN, and whatever the purpose."""
    body = single(text=text_item("Again"))
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    other = json.loads(json.dumps(body))
    other["singleEmbeddingParams"]["embeddingPurpose"] = "CLUSTERING"
    answers = [invoke(desk.bedrock, body), invoke(desk.bedrock, body, model=arn), invoke(desk.bedrock, other)]
    assert answers[0] == answers[1] == answers[2]


def test_the_made_up_successor_has_a_space_of_its_own(desk: Desk) -> None:
    """Vectors of the second model are unrelated to the first's, yet as good among themselves."""
    texts = ("red paint on the wall", "the wall was painted red", "a quiet lake at dawn")
    old = [embed(desk.bedrock, text=text_item(text)) for text in texts]
    new = [embed(desk.bedrock, text=text_item(text), model=NOVA_NEXT) for text in texts]
    assert abs(old[0] @ new[0]) < 0.08
    assert new[0] @ new[1] > 0.2 > new[0] @ new[2]


@pytest.mark.parametrize("dimension", [256, 3072])
def test_neighbours_of_pictures_and_sounds(desk: Desk, dimension: int) -> None:
    """The nearest other picture or sound is of the same class, and the two kinds do not mix."""
    items = [("image", kind, inline(picture(kind, n), "png")) for kind in PICTURES for n in (0, 2)]
    items += [("audio", kind, inline(sound(kind, n, seconds=1), "wav")) for kind in SOUNDS for n in (0, 2)]
    matrix = np.stack([embed(desk.bedrock, dimension, **{modality: item}) for modality, _, item in items])
    likeness = matrix @ matrix.T
    np.fill_diagonal(likeness, -1)
    kinds = [kind for _, kind, _ in items]
    assert [kinds[nearest] for nearest in likeness.argmax(1)] == kinds


def test_a_video_gives_one_vector_or_two(desk: Desk) -> None:
    """Combined it is one; separate it is VIDEO and AUDIO; without sound VIDEO alone."""
    film, silent = clip(["disc"], sounds=["tone"]), clip(["disc"])

    def kinds(content: bytes, mode: str) -> list[str]:
        body = single(256, video=inline(content, "mp4", embeddingMode=mode))
        return [one["embeddingType"] for one in invoke(desk.bedrock, body)["embeddings"]]

    assert kinds(film, "AUDIO_VIDEO_COMBINED") == ["AUDIO_VIDEO_COMBINED"]
    assert kinds(film, "AUDIO_VIDEO_SEPARATE") == ["VIDEO", "AUDIO"]
    assert kinds(silent, "AUDIO_VIDEO_SEPARATE") == ["VIDEO"]


def test_an_object_in_s3_is_the_same_as_its_bytes(desk: Desk) -> None:
    """The vector of an object without words in its name is that of its content."""
    content = picture("sky")
    stored = embed(desk.bedrock, image=s3_item(desk, "0001.png", content, format="png"))
    assert np.allclose(stored, embed(desk.bedrock, image=inline(content, "png")))


def test_the_name_of_an_object_is_found_by_text(desk: Desk) -> None:
    """With match_names (the default), a word of the file name leads a text query to a picture."""
    image = embed(desk.bedrock, image=s3_item(desk, "red-kite.png", picture("sky"), format="png"))
    query = embed(desk.bedrock, text=text_item("kites"))
    assert query @ image > 0.1


def test_a_long_text_in_s3_is_truncated_and_says_where(desk: Desk) -> None:
    """Beyond what the model reads, END cuts and answers truncatedCharLength; NONE refuses."""
    item = s3_item(desk, "long.txt", "word " * 9000, truncationMode="END")
    (one,) = invoke(desk.bedrock, single(256, text=item))["embeddings"]
    assert one["truncatedCharLength"] == 8172 * 4
    with pytest.raises(ClientError, match="truncationMode is NONE"):
        invoke(desk.bedrock, single(256, text={**item, "truncationMode": "NONE"}))


@pytest.mark.parametrize(
    ("key", "body", "item", "message"),
    [
        ("gone", None, {"format": "png"}, r"s3://media/gone does not exist \(NoSuchKey\)"),
        ("empty.png", b"", {"format": "png"}, "is empty"),
        ("fake.png", b"not a picture", {"format": "png"}, "could not be read as a png image"),
        ("long.wav", sound("tone", seconds=31), {"format": "wav"}, "31.0 seconds or more; at most 30 "),
        ("big.txt", "x" * 50_001, {"truncationMode": "END"}, "more than 50,000 characters"),
        (
            "huge.txt",
            "x" * (2**20 + 1),
            {"truncationMode": "END"},
            "1,048,577 bytes; at most 1,048,576 of text",
        ),
    ],
)
def test_sources_that_are_refused(
    desk: Desk, key: str, body: bytes | str | None, item: dict[str, str], message: str
) -> None:
    """A missing, empty, foreign, too long or too large object is a ValidationException that says so."""
    if body is not None:
        desk.upload(key, body)
    modality = "text" if "truncationMode" in item else "audio" if item["format"] == "wav" else "image"
    source = {"source": {"s3Location": {"uri": f"s3://{BUCKET}/{key}"}}}
    with pytest.raises(desk.bedrock.exceptions.ValidationException, match=message):
        invoke(desk.bedrock, single(256, **{modality: {**item, **source}}))


def test_the_bucket_of_another_account_is_closed(desk: Desk) -> None:
    """A bucketOwner that is not the account answers AccessDeniedException, 403; the right one is served."""
    item = s3_item(desk, "mine.png", picture("sky"), format="png")
    location = item["source"]["s3Location"]  # type: ignore[index]
    location["bucketOwner"] = "123456789012"
    assert len(embed(desk.bedrock, 256, image=item)) == 256
    location["bucketOwner"] = "210987654321"
    with pytest.raises(desk.bedrock.exceptions.AccessDeniedException) as caught:
        invoke(desk.bedrock, single(256, image=item))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-2-multimodal-embeddings-v2:0",
        "amazon.titan-embed-image-v1",
        "anthropic.claude-3-haiku",
        "x",
    ],
)
def test_other_models_are_refused(desk: Desk, model: str) -> None:
    """No other model is offered, and Bedrock says so in its words."""
    with pytest.raises(
        desk.bedrock.exceptions.ValidationException, match="provided model identifier is invalid"
    ):
        invoke(desk.bedrock, single(256, text=text_item("x")), model=model)


def test_a_body_over_25_megabytes_is_refused(desk: Desk) -> None:
    """The limit of the operation, in bytes of the body, base64 included."""
    body = json.dumps(single(256, image={"format": "png", "source": {"bytes": "A" * 25_000_000}}))
    with pytest.raises(desk.bedrock.exceptions.ValidationException, match="less than or equal to 25000000"):
        desk.bedrock.invoke_model(modelId=NOVA, body=body)


def test_a_body_that_is_no_json_is_refused(desk: Desk) -> None:
    """Broken JSON is the caller's mistake, not a server error."""
    with pytest.raises(desk.bedrock.exceptions.ValidationException, match="not valid JSON"):
        desk.bedrock.invoke_model(modelId=NOVA, body=b'{"taskType": NaN}')


def test_another_operation_is_unknown(desk: Desk) -> None:
    """Converse exists at AWS and not here: 404, no crash."""
    with pytest.raises(ClientError) as caught:
        desk.bedrock.converse(modelId=NOVA, messages=[{"role": "user", "content": [{"text": "hello"}]}])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404

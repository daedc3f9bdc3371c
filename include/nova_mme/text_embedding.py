"""A text's embedding by Titan, made on request and kept in S3 under an id for whoever wants it.

It has nothing to do with the spaces: these vectors are answered to the caller, and never put into an index.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson
from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting
from nova_mme.source import S3Uri
from nova_mme.titan import DEFAULT_DIMENSION, MODEL_ID, embed_text

FOLDER = "embeddings"
# The first character is no dot, and none is a slash: an id names an object of the folder and nothing else.
ID_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_ID = re.compile(ID_PATTERN, re.ASCII)


# What :func:`generate` writes, and whatever else is in the place of an embedding is none.
_SHAPE = {
    "embedding_id": str,
    "text": str,
    "embedding": list,
    "dimension": int,
    "normalize": bool,
    "model_id": str,
    "input_tokens": int,
    "created": int,
}


class EmbeddingExists(BadSetting):
    """An id is taken: another text, or another dimension, was stored under it."""


@dataclass(frozen=True, slots=True)
class TextEmbedding:
    """An embedding, and where it is kept.

    :ivar embedding_id: what :func:`read` finds it by, once it is stored.
    :ivar processing_time_ms: milliseconds by the clock: the model's call, and that to S3.
    :ivar input_tokens: what the model's call is billed for.
    :ivar s3_key: within the output bucket; None when it was not stored.
    """

    embedding_id: str
    embedding: tuple[float, ...]
    input_tokens: int
    processing_time_ms: float
    s3_key: str | None = None

    def as_document(self) -> dict[str, Any]:
        """The answer of the endpoint, for JSON."""
        return {
            "embedding_id": self.embedding_id,
            "embedding": list(self.embedding),
            "dimension": len(self.embedding),
            "model_id": MODEL_ID,
            "input_tokens": self.input_tokens,
            "processing_time_ms": self.processing_time_ms,
            "stored_in_s3": self.s3_key is not None,
            "s3_key": self.s3_key,
        }


def generate(
    text: str,
    *,
    bedrock: Any,
    s3: Any,
    output_uri: str,
    bucket_owner: str = "",
    dimensions: int = DEFAULT_DIMENSION,
    normalize: bool = True,
    store_in_s3: bool = False,
    embedding_id: str = "",
) -> TextEmbedding:
    """Embed a text with Titan, and store it as JSON at ``<output_uri>/embeddings/<id>.json`` if it is to be.

    A stored id is never overwritten. The same text at the same dimension may be sent again, as a client does that
    has lost an answer: it gets what is stored. Anything else under a taken id is refused.

    :param output_uri: the deployment's; ``bucket_owner`` the account id that must own its bucket, empty for any.
    :param dimensions: 256, 512 or 1024.
    :param embedding_id: 1 to 128 letters, digits, ``.``, ``_``, ``-``, a letter or digit first; made when empty.
    :raises EmbeddingExists: when the id is taken.
    :raises BadSetting: for an id, a text or a dimension that cannot be; nothing was paid for then.
    :raises ClientError: what AWS answers otherwise.
    """
    start = time.perf_counter()
    name = embedding_id or uuid.uuid4().hex
    place = _place(name, output_uri)
    vector = embed_text(text, bedrock=bedrock, dimension=dimensions, normalize=normalize)
    values, tokens = vector.values, vector.tokens
    if store_in_s3:
        document = {
            "embedding_id": name,
            "text": text,
            "embedding": values,
            "dimension": dimensions,
            "normalize": normalize,
            "model_id": MODEL_ID,
            "input_tokens": tokens,
            "created": int(time.time()),
        }
        values = _store(document, s3=s3, place=place, owner=bucket_owner)
    elapsed = round((time.perf_counter() - start) * 1000, 3)
    return TextEmbedding(name, values, tokens, elapsed, place.key if store_in_s3 else None)


def read(embedding_id: str, *, s3: Any, output_uri: str, bucket_owner: str = "") -> dict[str, Any] | None:
    """A stored embedding; None when nothing is stored under the id.

    :returns: ``embedding_id``, ``text``, ``embedding`` (a list of numbers), ``dimension``, ``normalize``,
        ``model_id``, ``input_tokens``, ``created`` (epoch seconds).
    :raises BadSetting: for an id that cannot be, or an object in its place that is no embedding.
    :raises ClientError: what S3 answers otherwise.
    """
    return _read(_place(embedding_id, output_uri), s3=s3, owner=bucket_owner)


def _place(name: str, output_uri: str) -> S3Uri:
    if not _ID.fullmatch(name):
        raise BadSetting(
            f"The embedding id is {name[:200]!r}; it can be 1 to 128 letters, digits, '.', '_' and '-', and begins "
            "with a letter or digit."
        )
    return S3Uri.parse(output_uri).join(FOLDER, f"{name}.json")


def _store(
    document: dict[str, Any], *, s3: Any, place: S3Uri, owner: str, is_again: bool = True
) -> tuple[float, ...]:
    """Store a document unless its id is taken; returns the vector that is stored in the end.

    :param is_again: whether to try once more when the other one, that was in the way, is not to be seen yet.
    """
    try:
        s3.put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=orjson.dumps(document),
            ContentType="application/json",
            IfNoneMatch="*",
            **_expect(owner),
        )
    except ClientError as error:
        # 409 ConditionalRequestConflict: somebody else was storing under it at the same time.
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
            raise
        stored = _read(place, s3=s3, owner=owner)
        if stored is None and is_again:
            return _store(document, s3=s3, place=place, owner=owner, is_again=False)
        same = ("text", "dimension", "normalize")
        if stored is None or any(stored.get(key) != document[key] for key in same):
            raise EmbeddingExists(
                f"The embedding id {document['embedding_id']!r} is taken by another text or dimension; give another "
                "id, or none to have one made. What is stored was left alone."
            ) from error
        return tuple(stored["embedding"])
    return tuple(document["embedding"])


def _read(place: S3Uri, *, s3: Any, owner: str) -> dict[str, Any] | None:
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.key, **_expect(owner))["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not _is_embedding(document):
        raise BadSetting(f"{place} is no stored embedding; something else was put there.")
    return document


def _is_embedding(document: Any) -> TypeGuard[dict[str, Any]]:
    return (
        isinstance(document, dict)
        and all(isinstance(document.get(name), kind) for name, kind in _SHAPE.items())
        and all(isinstance(number, int | float) for number in document["embedding"])
    )


def _expect(owner: str) -> dict[str, str]:
    return {"ExpectedBucketOwner": owner} if owner else {}

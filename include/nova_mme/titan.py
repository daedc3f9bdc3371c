"""Amazon Titan Text Embeddings V2: one text in, one vector out.

Request, answer and limits: the Bedrock user guide, "Amazon Titan Text Embeddings". Titan's vectors are of a space of
their own, and each of its dimensions is asked for: nothing says that they may be truncated, as Nova's may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import ClientError

from nova_mme.errors import BadSetting

MODEL_ID = "amazon.titan-embed-text-v2:0"
DIMENSIONS = (256, 512, 1024)
DEFAULT_DIMENSION = 1024
# The model takes 8,192 tokens as well, and only it knows how many a text has.
MAX_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class TitanVector:
    """What Titan answers.

    :ivar values: as many numbers as the dimension; at unit L2 norm, in recorded answers without ``normalize`` too.
    :ivar tokens: what the call is billed for.
    """

    values: tuple[float, ...]
    tokens: int


def text_request(
    text: str, *, dimension: int = DEFAULT_DIMENSION, normalize: bool = True
) -> dict[str, str | int | bool]:
    """The body of InvokeModel for one text.

    :raises BadSetting: for an empty text, one of over 50,000 characters or with half a character in it, or another
        dimension than 256, 512 and 1024.
    """
    if not text.strip():
        raise BadSetting("The text is empty; give the words to embed.")
    if len(text) > MAX_CHARACTERS:
        raise BadSetting(
            f"The text has {len(text):,} characters; Titan takes {MAX_CHARACTERS:,}. Embed it in parts."
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadSetting(
            "The text has half of a surrogate pair in it, which is no character; send it as UTF-8."
        )
    if dimension not in DIMENSIONS:
        raise BadSetting(
            f"dimensions is {dimension!r}; for Titan it can be {', '.join(map(str, DIMENSIONS))}."
        )
    return {"inputText": text, "dimensions": dimension, "normalize": normalize}


def embed_text(
    text: str, *, bedrock: Any, dimension: int = DEFAULT_DIMENSION, normalize: bool = True
) -> TitanVector:
    """A text's vector, by one InvokeModel.

    :raises BadSetting: for a text that the schema or the model does not take, such as one of over 8,192 tokens.
    :raises ClientError: what Bedrock answers otherwise.
    """
    body = orjson.dumps(text_request(text, dimension=dimension, normalize=normalize))
    try:
        answer = bedrock.invoke_model(
            modelId=MODEL_ID, body=body, contentType="application/json", accept="application/json"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise BadSetting(
            f"Titan does not take the text: {error.response['Error'].get('Message', '')}"
        ) from error
    told = orjson.loads(answer["body"].read())
    return TitanVector(tuple(told["embedding"]), int(told["inputTextTokenCount"]))

"""InvokeModel of Titan Text Embeddings V2 (the Bedrock user guide, "Amazon Titan Text Embeddings")."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nova_mme_local.bedrock.schema import (
    check_body,
    expect_boolean,
    expect_list,
    expect_object,
    expect_one_of,
    expect_string,
)
from nova_mme_local.embedder.embedder import Embedder
from nova_mme_local.embedder.projection import take_prefix
from nova_mme_local.embedder.segments import CHARACTERS_PER_TOKEN
from nova_mme_local.wire import AwsError

_MOST_TOKENS = 8192
_REQUEST = expect_object(
    {"inputText": expect_string(least=1, most=50_000)},
    {
        "dimensions": expect_one_of(256, 512, 1024),
        "normalize": expect_boolean(),
        "embeddingTypes": expect_list(expect_one_of("float", "binary"), least=1),
    },
)


def invoke_titan(body: Any) -> tuple[dict[str, Any], int]:
    """Return the answer to a request, and the number of tokens (four characters are taken for one).

    Vectors have norm 1 with `normalize` false as well, as recorded answers of the service do. Every dimension
    is a space of its own: nothing says that Titan's vectors may be truncated, and here they may not.

    :raises AwsError: ValidationException.
    """
    check_body(_REQUEST, body)
    text, dimension = body["inputText"], body.get("dimensions", 1024)
    tokens = math.ceil(len(text) / CHARACTERS_PER_TOKEN)
    if tokens > _MOST_TOKENS:
        raise AwsError(
            "ValidationException",
            "400 Bad Request: Too many input tokens. "
            f"Max input tokens: {_MOST_TOKENS}, request input token count: {tokens}",
        )
    vector = take_prefix(Embedder(f"titan-{dimension}").embed_text(text), dimension)
    forms = {"float": vector, "binary": (vector > 0).astype(np.uint8)}
    kinds = body.get("embeddingTypes", ["float"])
    answer = {
        "embeddingsByType": {kind: forms[kind] for kind in kinds},
        "inputTextTokenCount": tokens,
    }
    return ({"embedding": vector} if "float" in kinds else {}) | answer, tokens

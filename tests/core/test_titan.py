"""Titan Text Embeddings V2: its request, its answer, and what is refused before it is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from core.deployment import Deployment

from nova_mme.errors import BadSetting
from nova_mme.titan import DIMENSIONS, MAX_CHARACTERS, embed_text, text_request


def test_the_request() -> None:
    """Exactly the members of Titan's schema."""
    assert text_request("red paint", dimension=512, normalize=False) == {
        "inputText": "red paint",
        "dimensions": 512,
        "normalize": False,
    }


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_text_becomes_a_vector(empty: Deployment, dimension: int) -> None:
    """Of the dimension that is asked for, at unit norm, with the tokens that are billed."""
    vector = embed_text("twelve chars", bedrock=empty.bedrock, dimension=dimension)

    assert len(vector.values) == dimension
    assert np.linalg.norm(vector.values) == pytest.approx(1, abs=1e-6)
    assert vector.tokens == 3


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "The text is empty"),
        (" \n\t", {}, "The text is empty"),
        ("x" * (MAX_CHARACTERS + 1), {}, "50,001 characters; Titan takes 50,000"),
        ("half \ud83d", {}, "half of a surrogate pair"),
        ("red", {"dimension": 384}, "384; for Titan it can be 256, 512, 1024"),
        ("red", {"dimension": 3072}, "3072; for Titan it can be 256, 512, 1024"),
    ],
)
def test_what_is_refused_is_not_paid_for(
    empty: Deployment, text: str, options: dict[str, Any], message: str
) -> None:
    """With a sentence, and no call."""
    with empty.record("bedrock") as calls, pytest.raises(BadSetting, match=message):
        embed_text(text, bedrock=empty.bedrock, **options)

    assert calls == []


def test_the_models_own_refusal_is_told(empty: Deployment) -> None:
    """Only Titan can count tokens; its sentence reaches the caller."""
    with pytest.raises(BadSetting, match=r"Titan does not take the text: .*Max input tokens: 8192"):
        embed_text("x" * 40_000, bedrock=empty.bedrock)

"""A model's end of life, where Bedrock tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from core.deployment import Deployment, open_client

from nova_mme.model_life import find_end_of_life
from nova_mme.space import NOVA_MODEL_ID

_END = datetime(2027, 6, 30, 12, tzinfo=UTC)


def ask(lifecycle: dict[str, Any] | None) -> int | None:
    """What comes of an answer of Bedrock's control plane."""
    client = botocore.session.get_session().create_client(
        "bedrock", "us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    details: dict[str, Any] = {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/x", "modelId": "x"}
    if lifecycle is not None:
        details["modelLifecycle"] = lifecycle
    with Stubber(client) as stub:
        stub.add_response(
            "get_foundation_model", {"modelDetails": details}, {"modelIdentifier": NOVA_MODEL_ID}
        )
        return find_end_of_life(client, NOVA_MODEL_ID)


def test_a_known_end_is_told() -> None:
    """In epoch seconds."""
    assert ask({"status": "LEGACY", "endOfLifeTime": _END}) == int(_END.timestamp())


@pytest.mark.parametrize("lifecycle", [{"status": "ACTIVE"}, None], ids=["active", "no lifecycle"])
def test_a_model_without_an_end_has_none(lifecycle: dict[str, Any] | None) -> None:
    """It can be used until further notice."""
    assert ask(lifecycle) is None


def test_a_service_that_does_not_tell_is_no_trouble(empty: Deployment) -> None:
    """Local AWS has no control plane of Bedrock; a role may not be allowed to ask."""
    assert find_end_of_life(open_client(empty.aws.url, "bedrock"), NOVA_MODEL_ID) is None


def test_a_service_that_is_not_there_is_no_trouble() -> None:
    """Nor a model id that is none."""
    nowhere = open_client("http://127.0.0.1:1", "bedrock")

    assert find_end_of_life(nowhere, NOVA_MODEL_ID) is None
    assert find_end_of_life(nowhere, "") is None

"""The embedding models that are offered here, and the space that each one's vectors live in."""

from __future__ import annotations

from nova_mme_local.wire import AwsError

NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
# Made up: a successor, for trying a change of the model. Same features, other projection, hence another space.
NOVA_NEXT = "amazon.nova-2-multimodal-embeddings-local-v2:0"

# Model id -> seed of its projection.
NOVA_SEEDS = {NOVA: "nova-1", NOVA_NEXT: "nova-2"}


def find_model(given: str) -> str:
    """Return the model id for an id or a foundation-model ARN; AwsError for any that is not offered."""
    model_id = given.rpartition("foundation-model/")[2]
    if model_id not in (*NOVA_SEEDS, TITAN):
        raise AwsError("ValidationException", "The provided model identifier is invalid.")
    return model_id


def build_model_arn(model_id: str, region: str) -> str:
    """Return the ARN of a foundation model, as GetAsyncInvoke answers it."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"

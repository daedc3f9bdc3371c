"""How long a model can be used, as Bedrock itself says."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)


def find_end_of_life(bedrock: Any, model_id: str) -> int | None:
    """Epoch seconds of ``modelLifecycle.endOfLifeTime`` (botocore's model of GetFoundationModel); None if not known.

    Not to know it is no trouble: a role need not have the permission, and local AWS has no such service.

    :param bedrock: a boto3 ``bedrock`` client (not ``bedrock-runtime``).
    """
    try:
        answer = bedrock.get_foundation_model(modelIdentifier=model_id)
    except (ClientError, BotoCoreError) as error:
        log.info("The end of life of %s is not known: %s", model_id, error)
        return None
    moment = answer["modelDetails"].get("modelLifecycle", {}).get("endOfLifeTime")
    return int(moment.timestamp()) if moment else None

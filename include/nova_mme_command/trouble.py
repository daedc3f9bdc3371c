"""What AWS did not like, in a sentence that says what to do."""

from __future__ import annotations

import os

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnected

from nova_mme.search.wording import flatten
from nova_mme_command.deployment import Deployment

_NO_ACCESS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound, TokenRetrievalError)
_STALE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
}
_LOCAL = 'For the local stack: eval "$(make env)".'


def explain(error: ClientError | BotoCoreError, deployment: Deployment) -> str:
    """The sentence for an error of boto3."""
    if isinstance(error, ClientError):
        return _explain_answer(error, deployment)
    told = flatten(str(error))
    if isinstance(error, _NO_ACCESS):
        return f"AWS cannot be asked without credentials ({told}). Set AWS_PROFILE, or log in. {_LOCAL}"
    if isinstance(error, NoRegionError):
        return f"No AWS Region is set. Set AWS_DEFAULT_REGION, or the settings' bedrock_region and vector_region. {_LOCAL}"
    if isinstance(error, (NotConnected, HTTPClientError)):
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        where = (
            f" AWS_ENDPOINT_URL is {endpoint}: does the local stack run (make status)?" if endpoint else ""
        )
        return f"AWS does not answer: {told.rstrip('.')}.{where}"
    return f"AWS could not be asked: {told}"


def _explain_answer(error: ClientError, deployment: Deployment) -> str:
    told, settings = error.response["Error"], deployment.settings
    code, message = told.get("Code", ""), flatten(told.get("Message", ""))
    where = f"{error.operation_name}: {code}: {message}"
    if code == "ResourceNotFoundException":
        return f"{where}. Is there a table {settings.ledger_table!r}? Run setup_embeddings, or name the right ledger_table."
    if code in ("NotFoundException", "NoSuchBucket"):
        return f"{where}. Run setup_embeddings, or name the right vector_bucket ({settings.vector_bucket!r})."
    if code in _STALE:
        return f"{where}. Log in to AWS again. {_LOCAL}"
    if code.startswith("AccessDenied"):
        return f"{where}. Let the role that you use do this."
    return where

"""Whom a request is for: service and region stand in the credential scope of its signature, never in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nova_mme_local.account import DEFAULT_REGION

# The paths of bedrock-runtime; other services share its signing name, "bedrock".
BEDROCK_RUNTIME_PATHS = ("/model/", "/async-invoke")


@dataclass(frozen=True, slots=True)
class Scope:
    """The service (botocore's name), the region and the access key of a request; unsigned ones are S3's."""

    service: str = "s3"
    region: str = DEFAULT_REGION
    access_key: str = ""


def find_scope(path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Scope:
    """Read the scope from the Authorization header or, in a presigned URL, from X-Amz-Credential."""
    authorization = headers.get("authorization", "")
    if authorization.startswith("Bearer ") and path.startswith(BEDROCK_RUNTIME_PATHS):
        return Scope(service="bedrock-runtime")  # a Bedrock API key
    credential = _find_credential(authorization) or query.get("X-Amz-Credential", "")
    # "AWS Signature Version 4": access key / date / region / service / aws4_request
    parts = credential.split("/")
    if len(parts) < 5:
        return Scope()
    access_key, region, service = "/".join(parts[:-4]), parts[-3], parts[-2].lower()
    if service == "bedrock" and path.startswith(BEDROCK_RUNTIME_PATHS):
        service = "bedrock-runtime"
    return Scope(service, region, access_key)


def forge_authorization(service: str, region: str) -> str:
    """Return an Authorization header with the scope only; nobody here checks signatures."""
    credential = f"Credential=local/20000101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"


def _find_credential(authorization: str) -> str:
    _, found, rest = authorization.partition("Credential=")
    return rest.split(",")[0].strip() if found else ""

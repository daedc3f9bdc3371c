"""When a bucket, a table or a queue was made: read from moto and, after a restart, given back to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nova_mme_local.durable.items import find_table
from nova_mme_local.durable.messages import find_queue
from nova_mme_local.durable.objects import find_bucket


def read_age(service: str, region: str, resource: str) -> float:
    """Return when a resource was made, in epoch seconds."""
    made: Any = getattr(*_locate(service, region, resource))
    if isinstance(made, datetime):
        made = (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
    return float(made)


def set_age(service: str, region: str, resource: str, made: float) -> None:
    """Let a resource be as old as it is, not as old as the process."""
    holder, name = _locate(service, region, resource)
    if service == "s3":
        setattr(holder, name, datetime.fromtimestamp(made, UTC))
    elif service == "dynamodb":  # moto has a time without a zone there
        setattr(holder, name, datetime.fromtimestamp(made, UTC).replace(tzinfo=None))
    else:
        setattr(holder, name, made)


def _locate(service: str, region: str, resource: str) -> tuple[Any, str]:
    if service == "s3":
        return find_bucket(resource), "creation_date"
    if service == "dynamodb":
        return find_table(region, resource), "created_at"
    return find_queue(region, resource), "created_timestamp"

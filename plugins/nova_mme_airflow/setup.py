"""What the tasks of `setup_embeddings` do: make what is missing, check what is there."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow.tasks import no_retry, open_clients, read_spaces

log = logging.getLogger(__name__)


def check_buckets(*, params: dict[str, Any]) -> list[str]:
    """See that the source and output buckets are there and belong to whom they should."""
    from botocore.exceptions import ClientError

    from nova_mme.source import S3Uri

    clients = open_clients(params)
    settings = clients.settings
    owner = {"ExpectedBucketOwner": settings.bucket_owner} if settings.bucket_owner else {}
    names = list(dict.fromkeys(S3Uri.parse(uri).bucket for uri in (settings.source_uri, settings.output_uri)))
    for name in names:
        try:
            clients.s3.head_bucket(Bucket=name, **owner)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise AirflowFailException(
                f"The bucket {name!r} cannot be used ({code}). Create it, let the task's role list it"
                + (f", and see that account {settings.bucket_owner} owns it." if owner else ".")
            ) from error
    return names


def create_indexes(*, params: dict[str, Any]) -> list[str]:
    """Create what is missing of the vector bucket and the indexes of each space; returns what was created."""
    clients = open_clients(params)
    spaces = read_spaces(clients)
    created = []
    with no_retry():
        for member in filter(None, (spaces.active, spaces.building)):
            created += clients.store_of(member.space).ensure()
    log.info("Created: %s", ", ".join(created) or "nothing, all was there")
    return created


def create_ledger(*, params: dict[str, Any]) -> bool:
    """Create the ledger table unless it exists, and note the first space in it; returns whether it was created."""
    clients = open_clients(params)
    created = clients.ledger_of(clients.settings.space).ensure()
    with no_retry():
        spaces = clients.registry.ensure()
    log.info("The active space is %s.", spaces.active.space.name)
    log.info("The table %s %s.", clients.settings.ledger_table, "was created" if created else "was there")
    return created

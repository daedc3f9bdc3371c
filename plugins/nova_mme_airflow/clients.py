"""AWS clients of one deployment, made when a task runs, through the Amazon provider's connection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nova_mme.ledger import Ledger
    from nova_mme.settings import Settings
    from nova_mme.store import VectorStore

# botocore's own retries come first; what they do not mend is the task's to try again.
_ATTEMPTS = 8


class Clients:
    """One client per service, each made at its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sessions: dict[str | None, Any] = {}

    @cached_property
    def s3(self) -> Any:
        """Amazon S3, in the connection's Region."""
        return self._make("client_type", "s3")

    @cached_property
    def bedrock(self) -> Any:
        """Amazon Bedrock Runtime, in the Region that offers the model."""
        return self._make("client_type", "bedrock-runtime", self.settings.bedrock_region)

    @cached_property
    def s3vectors(self) -> Any:
        """Amazon S3 Vectors."""
        return self._make("client_type", "s3vectors", self.settings.vector_region)

    @cached_property
    def dynamodb(self) -> Any:
        """Amazon DynamoDB, as a resource: it speaks Python's types."""
        return self._make("resource_type", "dynamodb")

    @property
    def ledger(self) -> Ledger:
        """The ledger of the deployment's space."""
        from nova_mme.ledger import Ledger

        return Ledger(self.dynamodb, self.settings.ledger_table, self.settings.space)

    @property
    def store(self) -> VectorStore:
        """The four indexes of the deployment's space, at the pace that all tasks together may have."""
        from nova_mme.pace import Pacer, SharedTimeline
        from nova_mme.store import VectorStore

        settings = self.settings
        indexes = f"{settings.vector_bucket}/{settings.space.name}"
        pacer = Pacer(SharedTimeline(self.dynamodb, settings.ledger_table, indexes))
        return VectorStore(self.s3vectors, settings.vector_bucket, settings.space, pacer)

    def _make(self, kind: str, service: str, region: str = "") -> Any:
        from botocore.config import Config

        from nova_mme_airflow.hooks import SharedSessionHook

        config = Config(retries={"mode": "standard", "total_max_attempts": _ATTEMPTS})
        hook = SharedSessionHook(
            sessions=self._sessions,
            aws_conn_id=self.settings.aws_conn_id or None,
            region_name=region or None,
            config=config,
            **{kind: service},
        )
        return hook.conn

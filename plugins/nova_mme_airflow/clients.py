"""AWS clients of one deployment, made when a task runs, through the Amazon provider's connection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nova_mme.ledger import Ledger
    from nova_mme.settings import Settings
    from nova_mme.space import Space
    from nova_mme.space_registry import SpaceRegistry
    from nova_mme.store import VectorStore

# botocore's own retries come first; what they do not mend is the task's to try again.
_ATTEMPTS = 8

# For what may be left unsaid: no retry, and a few seconds (botocore's own timeouts are 60).
_ONCE = {"attempts": 1, "connect_timeout": 3, "read_timeout": 5}


class Clients:
    """One client per service, each made at its first use.

    :param space: whose ledger and store are meant; the active space by default.
    :param options: of botocore's configuration, for all of them; ``attempts`` is how often a call is tried.
    """

    def __init__(self, settings: Settings, space: Space | None = None, **options: Any) -> None:
        self.settings = settings
        self._space = space
        self._options = {"attempts": _ATTEMPTS, **options}
        self._sessions: dict[str | None, Any] = {}

    @cached_property
    def s3(self) -> Any:
        """Amazon S3, in the connection's Region."""
        return self._make("client_type", "s3")

    @cached_property
    def s3_links(self) -> Any:
        """Amazon S3 for presigned links: in the bucket's Region, which is the model's, and where browsers reach it.

        The endpoint is always named: without one botocore signs for the global one, which redirects to another host
        than the signature is for.
        """
        region, options = self.settings.bedrock_region, {"signature_version": "s3v4"}
        own = self._make("client_type", "s3", region).meta.endpoint_url
        endpoint = self.settings.media_endpoint_url or own
        return self._make("client_type", "s3", region, endpoint=endpoint, **options)

    @cached_property
    def bedrock(self) -> Any:
        """Amazon Bedrock Runtime, in the Region that offers the model."""
        return self._make("client_type", "bedrock-runtime", self.settings.bedrock_region)

    @cached_property
    def bedrock_models(self) -> Any:
        """Amazon Bedrock itself, which knows how long a model lives: asked once, since nothing depends on it.

        A network that has a way to ``bedrock-runtime`` need not have one to it.
        """
        return self._make("client_type", "bedrock", self.settings.bedrock_region, **_ONCE)

    @cached_property
    def s3vectors(self) -> Any:
        """Amazon S3 Vectors."""
        return self._make("client_type", "s3vectors", self.settings.vector_region)

    @cached_property
    def dynamodb(self) -> Any:
        """Amazon DynamoDB, as a resource: it speaks Python's types."""
        return self._make("resource_type", "dynamodb")

    @cached_property
    def registry(self) -> SpaceRegistry:
        """Which spaces the deployment has."""
        from nova_mme.space_registry import SpaceRegistry

        return SpaceRegistry(self.dynamodb, self.settings.ledger_table, self.settings.space)

    @cached_property
    def space(self) -> Space:
        """The space that ledger and store are of: read once, so that a task stays with what it began with."""
        return self._space or self.registry.read().active.space

    @property
    def ledger(self) -> Ledger:
        """The ledger of the space."""
        return self.ledger_of(self.space)

    @property
    def store(self) -> VectorStore:
        """The four indexes of the space, at the pace that all tasks together may have."""
        return self.store_of(self.space)

    def ledger_of(self, space: Space) -> Ledger:
        """The ledger of any space."""
        from nova_mme.ledger import Ledger

        return Ledger(self.dynamodb, self.settings.ledger_table, space)

    def store_of(self, space: Space) -> VectorStore:
        """The four indexes of any space."""
        from nova_mme.pace import Pacer, SharedTimeline
        from nova_mme.store import VectorStore

        settings = self.settings
        indexes = f"{settings.vector_bucket}/{space.name}"
        pacer = Pacer(SharedTimeline(self.dynamodb, settings.ledger_table, indexes))
        return VectorStore(self.s3vectors, settings.vector_bucket, space, pacer)

    def _make(self, kind: str, service: str, region: str = "", *, endpoint: str = "", **options: Any) -> Any:
        from botocore.config import Config

        from nova_mme_airflow.hooks import SharedSessionHook

        options = {**self._options, **options}
        config = Config(
            retries={"mode": "standard", "total_max_attempts": options.pop("attempts")}, **options
        )
        hook = SharedSessionHook(
            sessions=self._sessions,
            aws_conn_id=self.settings.aws_conn_id or None,
            region_name=region or None,
            config=config,
            **{kind: service},
        )
        if endpoint:
            return hook.get_session(region or None).client(service, endpoint_url=endpoint, config=config)
        return hook.conn

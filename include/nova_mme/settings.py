"""The facts of one deployment, read from one JSON document and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.source import S3Uri
from nova_mme.space import NOVA_MODEL_ID, Space

_REQUIRED = ("source_uri", "output_uri", "vector_bucket", "ledger_table")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a deployment's media, outputs, vectors and ledger are, and how it reaches AWS.

    :ivar source_uri: the media, ``s3://bucket/prefix``.
    :ivar output_uri: where Bedrock writes its output and runs keep their manifests and reports.
    :ivar bedrock_region: where the model is offered; input and output buckets must be in it too.
    :ivar vector_region: where the vector bucket is; the connection's own region when empty.
    :ivar bucket_owner: the account id that must own the buckets; checked by S3 and Bedrock when given.
    :ivar max_jobs_in_flight: async invocations at a time, of all DAGs together: the account's quota, or less. AWS
        publishes no number for Nova; Service Quotas shows the account's own.
    :ivar media_endpoint_url: the S3 endpoint that browsers reach, where it is not the one that the servers use.
    :ivar prices: figures of :class:`nova_mme.migration.price.Prices` that are other than its table says.
    :ivar model_revision: tells spaces of one model id apart, such as the local stand-in from the model.
    """

    source_uri: str
    output_uri: str
    vector_bucket: str
    ledger_table: str
    aws_conn_id: str = "aws_default"
    bedrock_region: str = "us-east-1"
    vector_region: str = ""
    bucket_owner: str = ""
    kms_key_id: str = ""
    model_id: str = NOVA_MODEL_ID
    model_revision: str = ""
    media_endpoint_url: str = ""
    max_jobs_in_flight: int = 20
    prices: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.prices, Mapping):
            raise BadSetting(f"The setting 'prices' must be a JSON object, not {self.prices!r}.")
        for known in fields(self):
            value, kind = getattr(self, known.name), type(known.default)
            if kind is int and (type(value) is not int or value < 1):
                raise BadSetting(f"The setting {known.name!r} must be a whole number from 1, not {value!r}.")
            if kind is not int and known.name != "prices" and not isinstance(value, str):
                raise BadSetting(f"The setting {known.name!r} must be a text, not {value!r}.")
        empty = [name for name in _REQUIRED if not getattr(self, name)]
        if empty:
            raise BadSetting(f"Empty settings: {', '.join(empty)}. They have no default.")
        if not self.model_id:
            raise BadSetting("model_id is empty; leave it out for Nova's own.")
        source, output = S3Uri.parse(self.source_uri), S3Uri.parse(self.output_uri)
        if output.contains(source):
            raise BadSetting(
                f"source_uri {source} lies below output_uri {output}: runs would embed their own reports."
            )
        _ = self.space  # a name that is too long is told now, not in the middle of the work
        if self.bucket_owner and not (self.bucket_owner.isdigit() and len(self.bucket_owner) == 12):
            raise BadSetting("bucket_owner must be an account id of 12 digits.")

    @classmethod
    def read(cls, document: Any, overrides: Mapping[str, str | None] | None = None) -> Settings:
        """Settings from a JSON object; a run's own values (those not None or empty) go before it.

        :raises BadSetting: naming every missing and every unknown key.
        """
        if not isinstance(document, Mapping):
            raise BadSetting(f"The settings must be a JSON object, not {type(document).__name__}.")
        values = {**document, **{name: value for name, value in (overrides or {}).items() if value}}
        known = {field.name for field in fields(cls)}
        missing = [name for name in _REQUIRED if not values.get(name)]
        if missing:
            raise BadSetting(f"The settings lack {', '.join(missing)}.")
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadSetting(f"Unknown settings: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        return cls(**values)

    @property
    def space(self) -> Space:
        """The space that sources are written to."""
        return Space(self.model_id, self.model_revision)

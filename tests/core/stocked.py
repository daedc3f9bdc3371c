"""Sources as they are after a run, put there by hand: an object, a ledger row and vectors in the four indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from core.builders import make_run
from core.deployment import Deployment

from nova_mme.reconcile.comparison import Comparison
from nova_mme.reconcile.finding import Finding, Findings, Kind, read_findings
from nova_mme.reconcile.repair import Repair
from nova_mme.row import Row
from nova_mme.source import S3Uri, Source
from nova_mme.space import DIMENSIONS

RECIPE = make_run().recipe
FOLDER = S3Uri.parse("s3://output/nova/runs/reconcile_embeddings/manual__1")
ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"


def stock(
    deployment: Deployment,
    key: str,
    segments: Mapping[str, int] | None = None,
    *,
    body: bytes = b"All cats are grey.",
    failed: Iterable[str] = (),
) -> Source:
    """Upload an object and have it stored.

    :param segments: embedding type -> how many; three of TEXT when not given.
    :param failed: those of them, as "<type>/<index>", that the model failed: they have no vectors.
    """
    source = deployment.upload(key, body)
    extents = {"TEXT": 3} if segments is None else dict(segments)
    names = [f"{name}/{index}" for name, extent in extents.items() for index in range(extent)]
    missing = set(failed)
    start(deployment, source)
    kept = [name for name in names if name not in missing]
    for dimension in DIMENSIONS:
        put(deployment, dimension, *(f"{source.object_id}/{name}" for name in kept), etag=source.etag)
    counts = {name: sum(item.startswith(f"{name}/") for item in kept) for name in extents}
    for name, extent in extents.items():
        deployment.ledger.reach(source, name, extent)
    deployment.ledger.stored(
        source, RECIPE, segments=extents, counts=counts, reached=extents, failed_segments=len(missing)
    )
    return source


def start(deployment: Deployment, source: Source) -> None:
    """Note a job of the source."""
    deployment.ledger.submitted(
        source, RECIPE, attempt=1, invocation_arns=[ARN], media_format="txt", content_type="text/plain"
    )


def put(
    deployment: Deployment,
    dimension: int,
    *keys: str,
    etag: str = "",
    recipe: str = RECIPE.fingerprint,
) -> None:
    """Put vectors into one index."""
    if keys:
        data = {"float32": [1.0] + [0.0] * (dimension - 1)}
        about = {"etag": etag, "recipe": recipe}
        deployment.s3vectors.put_vectors(
            vectorBucketName="vectors",
            indexName=deployment.index(dimension),
            vectors=[{"key": key, "data": data, "metadata": about} for key in keys],
        )


def take(deployment: Deployment, dimension: int, *keys: str) -> None:
    """Delete vectors from one index."""
    deployment.s3vectors.delete_vectors(
        vectorBucketName="vectors", indexName=deployment.index(dimension), keys=list(keys)
    )


def keys_of(source: Source, count: int = 3, embedding_type: str = "TEXT") -> set[str]:
    """The keys of a source's first segments."""
    return {f"{source.object_id}/{embedding_type}/{index}" for index in range(count)}


def alter(deployment: Deployment, source: Source, **values: Any) -> None:
    """Change attributes of a source's row."""
    deployment.dynamodb.Table("ledger").update_item(
        Key={"object_id": source.object_id, "space": deployment.settings.space.name},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


@dataclass
class Compared:
    """What a comparison has found."""

    tally: dict[str, int]
    page: str
    found: dict[Kind, list[Finding]] = field(default_factory=dict)

    def uris(self, kind: Kind) -> list[str]:
        """The sources that a kind of findings is about."""
        return sorted(finding.uri for finding in self.found[kind])

    @property
    def kinds(self) -> dict[str, int]:
        """How many of each kind there are; those with none are left out."""
        return {kind.value: len(items) for kind, items in self.found.items() if items}


def compare(deployment: Deployment, *, check_versions: bool = True) -> Compared:
    """Compare, and read what was kept of it."""
    with Findings() as findings:
        Comparison(
            deployment.settings, deployment.s3, deployment.store, deployment.ledger, check_versions
        ).run(findings)
        findings.keep(deployment.s3, FOLDER)
    page = FOLDER.join("findings.md")
    text = deployment.s3.get_object(Bucket=page.bucket, Key=page.key)["Body"].read().decode()
    kept = {kind: list(read_findings(deployment.s3, FOLDER, kind)) for kind in Kind}
    assert {kind: len(items) for kind, items in kept.items()} == {kind: findings.tally[kind] for kind in Kind}
    return Compared(dict(findings.tally), text, kept)


def mend(deployment: Deployment) -> dict[str, int]:
    """Mend what the last comparison has kept."""
    return dict(Repair(deployment.settings, deployment.s3, deployment.store, deployment.ledger).run(FOLDER))


def all_rows(deployment: Deployment) -> dict[str, Row]:
    """The whole ledger, by URI."""
    return {row.uri: row for row in deployment.ledger.scan()}


@contextmanager
def after_call(client: Any, operation: str, happen: Callable[[], Any]) -> Any:
    """Let something happen after the first call of an operation of this client."""
    name = f"after-call.*.{operation}"

    def once(**_: Any) -> None:
        client.meta.events.unregister(name, once)
        happen()

    client.meta.events.register(name, once)
    try:
        yield
    finally:
        client.meta.events.unregister(name, once)

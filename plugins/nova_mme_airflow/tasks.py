"""What the DAGs' tasks do: parameters to a dataclass, a call of the core, a small JSON answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from nova_mme.settings import Settings
    from nova_mme_airflow.clients import Clients

log = logging.getLogger(__name__)

VARIABLE = "nova_mme"

# Settings that a run's parameters may override.
OVERRIDES = ("source_uri", "output_uri", "vector_bucket")


def read_settings(params: Mapping[str, Any] | None = None) -> Settings:
    """The deployment's settings: the Airflow Variable ``nova_mme``, then the run's own values.

    :raises AirflowFailException: with the sentence that says what is missing or wrong.
    """
    from airflow.sdk import Variable

    from nova_mme.settings import Settings

    document = Variable.get(VARIABLE, default=None, deserialize_json=True)
    if document is None:
        raise AirflowFailException(
            f"The Airflow Variable {VARIABLE!r} is not set. It is a JSON object with source_uri, output_uri, "
            "vector_bucket and ledger_table; the README shows one."
        )
    overrides = {name: (params or {}).get(name) for name in OVERRIDES}
    with no_retry():
        return Settings.read(document, overrides)


@contextmanager
def no_retry() -> Iterator[None]:
    """Turn what a retry cannot mend into a failure that Airflow does not retry."""
    from nova_mme.errors import BadSetting, IndexMismatch

    try:
        yield
    except (BadSetting, IndexMismatch) as error:
        raise AirflowFailException(str(error)) from error


def open_clients(params: Mapping[str, Any] | None = None) -> Clients:
    """The deployment's clients."""
    from nova_mme_airflow.clients import Clients

    return Clients(read_settings(params))


def plan(*, modality: str, params: dict[str, Any], run_id: str, ti: Any) -> list[dict[str, Any]]:
    """List the prefix, ask the ledger, and write the shards' manifests; returns their handles."""
    from nova_mme.modality import Modality
    from nova_mme.plan import make_plan
    from nova_mme.report import write_plan
    from nova_mme.run import Run
    from nova_mme.shard import Shard, run_folder, shard_size
    from nova_mme.source import list_sources

    clients = open_clients(params)
    settings = clients.settings
    with no_retry():
        run = Run.read(Modality(modality), params)
    listing = list_sources(
        clients.s3,
        settings.source_uri,
        run.prefix,
        leave_out=settings.output_uri,
        owner=settings.bucket_owner or None,
    )
    made = make_plan(listing, clients.ledger, run)
    log.info(
        "Planned: %s", ", ".join(f"{count} {why}" for why, count in made.counts.items()) or "nothing found"
    )
    for uri in made.unknown:
        log.warning("Left out, of no supported type: %s", uri)
    folder = run_folder(settings.output_uri, ti.dag_id, run_id)
    write_plan(clients.s3, folder, made.counts, made.unknown)
    size = shard_size(len(made.works))
    groups = (made.works[start : start + size] for start in range(0, len(made.works), size))
    shards = (Shard(number, settings, run, tuple(works)) for number, works in enumerate(groups))
    return [shard.write(clients.s3, folder) for shard in shards]


def submit(handle: Mapping[str, Any], *, bedrock: Any) -> list[str]:
    """Start a shard's jobs; returns their ARNs."""
    from botocore.exceptions import ClientError

    from nova_mme.shard import Shard
    from nova_mme.submit import JobStarter
    from nova_mme.submit import submit as submit_shard

    clients = open_clients()
    shard = Shard.read(clients.s3, handle["manifest"])
    try:
        return submit_shard(shard, s3=clients.s3, starter=JobStarter(bedrock), ledger=clients.ledger)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDeniedException", "ResourceNotFoundException"):
            raise AirflowFailException(f"{error} Check the task's role and the model id.") from error
        raise


def store(*, handle: Mapping[str, Any]) -> dict[str, int]:
    """Follow the jobs' output files and store their segments in the four indexes; returns counts."""
    from collections import Counter

    from nova_mme.errors import Reason, Unfinished
    from nova_mme.ingest import Ingest
    from nova_mme.outcome import write_outcomes
    from nova_mme.shard import Shard
    from nova_mme_airflow.clients import Clients

    shard = Shard.read(open_clients().s3, handle["manifest"])
    clients = Clients(shard.settings)
    outcomes = Ingest(shard, clients.s3, clients.bedrock, clients.store, clients.ledger).run()
    write_outcomes(clients.s3, handle["manifest"], outcomes)
    again = [
        outcome for outcome in outcomes if outcome.reason == Reason.NOT_FINISHED and outcome.invocation_arn
    ]
    if again:
        raise Unfinished(
            f"{len(again)} of {len(outcomes)} sources are not stored yet, the first: {again[0].source}: "
            f"{again[0].message}"
        )
    return dict(Counter(outcome.status for outcome in outcomes))


def changes_alias(modality: str) -> str:
    """The asset alias through which ``embed_<modality>`` emits events of the asset ``embeddings_<modality>``."""
    return f"embeddings_{modality}_changes"


def report(
    *, modality: str, params: dict[str, Any], ti: Any, dag_run: Any, run_id: str, outlet_events: Any
) -> dict[str, Any]:
    """Add up the shards' outcomes, keep the report, and fail when too much failed."""
    from datetime import UTC, datetime

    from nova_mme.outcome import read_outcomes
    from nova_mme.report import Report, read_plan
    from nova_mme.shard import run_folder

    handles = ti.xcom_pull(task_ids="plan")
    if handles is None:
        raise AirflowFailException("Nothing was planned: the task plan failed, and its log says why.")
    clients = open_clients(params)
    folder = run_folder(clients.settings.output_uri, ti.dag_id, run_id)
    planned = read_plan(clients.s3, folder)
    made = Report(modality, planned["counts"], planned["unknown"])
    for handle in handles:
        outcomes = read_outcomes(clients.s3, handle["manifest"])
        if outcomes is None:
            made.lost += handle["sources"]
        else:
            made.add(outcomes)
    made.seconds = (datetime.now(UTC) - dag_run.start_date).total_seconds()
    summary = made.summarize(made.write(clients.s3, folder))
    log.info("\n%s", made.render())
    ti.xcom_push(key="return_value", value=summary)  # a failing task keeps its summary too
    judge(summary, made.failed_fraction, float(params.get("max_failed_fraction", 0.5)))
    if summary["stored"]:
        emit_change(modality, summary, outlet_events)
    return summary


def emit_change(modality: str, summary: Mapping[str, Any], outlet_events: Any) -> None:
    """Tell the DAGs that are scheduled on ``Asset("embeddings_<modality>")``.

    The asset has a name and no URI of a scheme: for one of those Airflow would load every provider's URI
    handlers, and boto3 with them, wherever a DAG names it.
    """
    from airflow.sdk import Asset, AssetAlias

    told = ("sources", "stored", "failed", "segments", "report_uri")
    event = outlet_events[AssetAlias(changes_alias(modality))]
    event.add(Asset(f"embeddings_{modality}"), extra={name: summary[name] for name in told})


def judge(summary: Mapping[str, Any], failed_fraction: float, allowed: float) -> None:
    """Fail the run when sources are unaccounted for, or more failed than is allowed."""
    if summary["lost"]:
        raise AirflowFailException(
            f"{summary['lost']} sources are unaccounted for: a store task did not end. Clear it, or run again: "
            "jobs that were started are found, not paid for twice."
        )
    if failed_fraction > allowed:
        raise AirflowFailException(
            f"{summary['failed']} of {summary['sources']} sources failed, more than max_failed_fraction "
            f"{allowed:g} allows. The report names each: {summary['report_uri']}"
        )


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
    """Create what is missing of the vector bucket and its four indexes; returns what was created."""
    store_ = open_clients(params).store
    with no_retry():
        created = store_.ensure()
    log.info("Created: %s", ", ".join(created) or "nothing, all was there")
    return created


def create_ledger(*, params: dict[str, Any]) -> bool:
    """Create the ledger table unless it exists; returns whether it was created."""
    clients = open_clients(params)
    created = clients.ledger.ensure()
    log.info("The table %s %s.", clients.settings.ledger_table, "was created" if created else "was there")
    return created

"""What the DAGs' tasks do: parameters to a dataclass, a call of the core, a small JSON answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from nova_mme.migration.meter import Meter
    from nova_mme.run import Run
    from nova_mme.settings import Settings
    from nova_mme.shard import Shard
    from nova_mme.space_member import Member, Spaces
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


def plan(
    *, modality: str, params: dict[str, Any], run_id: str, ti: Any, dag_run: Any
) -> list[dict[str, Any]]:
    """List the prefix, ask the ledger, and write the shards' manifests; returns their handles.

    What is due goes into the space that is being built as well, so that a change of the model need not catch up with
    it; what that space lacks besides is the backfill's.
    """
    from dataclasses import replace

    from nova_mme.plan import make_plan
    from nova_mme.report import write_plan
    from nova_mme.run import LIMIT_MAX
    from nova_mme.shard import Shard, run_folder, write_shards
    from nova_mme.source import list_sources

    clients = open_clients(params)
    settings = clients.settings
    spaces = read_spaces(clients)
    run = read_run(modality, params, dag_run, spaces.active)
    if spaces.building:  # each shard comes twice, and a map has room for 1,024
        run = replace(run, limit=min(run.limit, LIMIT_MAX // 2))
    own_run = f"{ti.dag_id}/{run_id}"

    def goes_on(name: str) -> bool:
        return name != own_run and is_running(name, ti)

    listing = list_sources(
        clients.s3,
        settings.source_uri,
        run.prefix,
        leave_out=settings.output_uri,
        owner=settings.bucket_owner or None,
    )
    made = make_plan(listing, clients.ledger_of(spaces.active.space), run, is_running=goes_on)
    log.info(
        "Planned: %s", ", ".join(f"{count} {why}" for why, count in made.counts.items()) or "nothing found"
    )
    for uri in made.unknown:
        log.warning("Left out, of no supported type: %s", uri)
    folder = run_folder(settings.output_uri, ti.dag_id, run_id)
    write_plan(clients.s3, folder, made.counts, made.unknown)
    like = Shard(0, settings, spaces.active.space, run, (), own_run)
    handles = write_shards(clients.s3, folder, made.works, like=like)
    if spaces.building and made.works:
        beside = run.beside(spaces.building.recipe(run.modality))
        ledger = clients.ledger_of(spaces.building.space)
        also = make_plan((work.source for work in made.works), ledger, beside, is_running=goes_on)
        name = spaces.building.space.name
        log.info("Also into the space %s, which is being built: %d", name, len(also.works))
        like = Shard(len(handles), settings, spaces.building.space, beside, (), own_run)
        more = write_shards(clients.s3, folder, also.works, like=like)
        handles += [{**handle, "space": name} for handle in more]
    return handles


def read_spaces(clients: Clients) -> Spaces:
    """The deployment's spaces.

    :raises AirflowFailException: when the settings name a model that is none of theirs.
    """
    with no_retry():
        return clients.registry.read()


def read_run(modality: str, params: Mapping[str, Any], dag_run: Any, member: Member) -> Run:
    """What the run was asked to do; a recipe that it was not told is the one in force in the space.

    A run of an Airflow backfill takes what was modified in its data interval, behind the live runs.
    """
    from nova_mme.modality import Modality
    from nova_mme.run import Run

    asked = dict(params)
    if dag_run.run_type == "backfill":
        start, end = dag_run.data_interval_start, dag_run.data_interval_end
        asked |= {"modified_from": start.isoformat(), "modified_to": end.isoformat(), "priority": "backfill"}
    with no_retry():
        return Run.read(Modality(modality), asked, member.recipe(Modality(modality)))


def is_running(dag_run: str, ti: Any) -> bool:
    """Whether a run ("<DAG id>/<run id>") is queued or running in this Airflow."""
    dag_id, _, run_id = dag_run.partition("/")
    return bool(ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"]))


def submit(handle: Mapping[str, Any], *, bedrock: Any) -> list[str]:
    """Start a shard's jobs; returns their ARNs."""
    from botocore.exceptions import ClientError

    from nova_mme.job_quota import JobQuota
    from nova_mme.job_starter import JobStarter
    from nova_mme.shard import Shard
    from nova_mme.submit import submit as submit_shard
    from nova_mme_airflow.clients import Clients

    deployment = open_clients()
    shard = Shard.read(deployment.s3, handle["manifest"])
    clients = Clients(shard.settings, shard.space)
    # As many as are allowed now: the limit is the account's, and runs that were planned before have to keep it too.
    allowed = deployment.settings.max_jobs_in_flight
    quota = JobQuota(clients.dynamodb, shard.settings.ledger_table, allowed)
    starter = JobStarter(bedrock, quota, shard.run.priority)
    meter = open_meter(shard, clients)
    try:
        return submit_shard(shard, s3=clients.s3, starter=starter, ledger=clients.ledger, meter=meter)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDeniedException", "ResourceNotFoundException"):
            raise AirflowFailException(f"{error} Check the task's role and the model id.") from error
        raise


def open_meter(shard: Shard, clients: Clients) -> Meter | None:
    """What charges a backfill for its jobs; live runs have none."""
    if not shard.campaign:
        return None
    from nova_mme.migration.campaign import Campaign
    from nova_mme.migration.meter import Meter
    from nova_mme.migration.price import Prices

    campaign = Campaign(clients.dynamodb, shard.settings.ledger_table, shard.campaign)
    with no_retry():
        return Meter(campaign, Prices.read(shard.settings.prices))


def store(*, handle: Mapping[str, Any]) -> dict[str, int]:
    """Follow the jobs' output files and store their segments in the four indexes; returns counts."""
    from collections import Counter

    from nova_mme.errors import Reason, Unfinished
    from nova_mme.ingest import Ingest
    from nova_mme.outcome import write_outcomes
    from nova_mme.shard import Shard
    from nova_mme_airflow.clients import Clients

    shard = Shard.read(open_clients().s3, handle["manifest"])
    clients = Clients(shard.settings, shard.space)
    meter = open_meter(shard, clients)
    is_broke = bool(meter and meter.campaign.progress().stopped)
    with no_retry():
        outcomes = Ingest(shard, clients.s3, clients.bedrock, clients.store, clients.ledger, is_broke).run()
    write_outcomes(clients.s3, handle["manifest"], outcomes)
    if meter:
        meter.campaign.note(shard.dag_run, shard.number, Counter(outcome.status for outcome in outcomes))
        log.info("The backfill so far: %s", meter.campaign.progress().tell())
    again = [
        outcome for outcome in outcomes if outcome.reason == Reason.NOT_FINISHED and outcome.invocation_arn
    ]
    if again:
        raise Unfinished(
            f"{len(again)} of {len(outcomes)} sources are not stored yet, the first: {again[0].source}: "
            f"{again[0].message}"
        )
    return dict(Counter(outcome.status for outcome in outcomes))

"""The DAGs' graphs, each written once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, AssetAlias, TriggerRule, task_group

from nova_mme_airflow import reports, setup, tasks, uploads
from nova_mme_airflow.operators import NovaMMEAsyncOperator
from nova_mme_airflow.params import embedding_params, setup_params
from nova_mme_airflow.pool import STORE_POOL, SUBMIT_POOL
from nova_mme_airflow.sensors import NovaMMEAsyncSensor

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "nova-mme",
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}

# Two hours of video are reported to take an hour; a job over this is left for the next run to adopt.
_WAIT_TIMEOUT = timedelta(hours=6)

_CONNECTION = "{{ (var.json.get('nova_mme', none) or {}).get('aws_conn_id', 'aws_default') }}"
_BEDROCK_REGION = "{{ (var.json.get('nova_mme', none) or {}).get('bedrock_region', 'us-east-1') }}"


def embedding_dag(modality: str, doc: str | None) -> DAG:
    """``embed_<modality>``: plan, then submit, wait and store per shard, then report."""
    with DAG(
        dag_id=f"embed_{modality}",
        doc_md=doc,
        schedule=uploads.schedule(modality),
        catchup=False,
        tags=["embeddings", modality],
        params=embedding_params(modality),
        default_args=DEFAULT_ARGS,
        render_template_as_native_obj=False,
    ) as dag:
        plan = PythonOperator(
            task_id="plan",
            python_callable=tasks.plan,
            op_kwargs={"modality": modality},
            doc_md="List the prefix, ask the **ledger** what is new, changed or to be retried, and write "
            "the shards' manifests to S3.",
        )
        report = PythonOperator(
            task_id="report",
            python_callable=reports.report,
            op_kwargs={"modality": modality},
            trigger_rule=TriggerRule.ALL_DONE,
            # An alias: the asset's event is emitted only by a run that has stored something.
            outlets=[AssetAlias(reports.changes_alias(modality))],
            doc_md="Counts by outcome and every failure with its reason and next step. Fails when more than "
            "`max_failed_fraction` failed, or when sources are unaccounted for.",
        )
        shard_group().expand(handle=plan.output) >> report
    return dag


def shard_group() -> Any:
    """Submit, wait and store, one instance per shard; to be expanded over the shards' handles as ``handle``."""

    @task_group(group_id="shard")
    def shard(handle: Any) -> None:
        """One shard: its jobs are started, waited for and stored, whatever the other shards do."""
        submit = NovaMMEAsyncOperator(
            task_id="submit",
            shard=handle,
            aws_conn_id=_CONNECTION,
            region_name=_BEDROCK_REGION,
            pool=SUBMIT_POOL,
            doc_md="Look into each file, then start one Bedrock job per source (per page of a PDF), as many at a time "
            "as `max_jobs_in_flight` allows all DAGs together. A retry finds the jobs that were started: nothing is "
            "paid for twice.",
        )
        wait = NovaMMEAsyncSensor(
            task_id="wait",
            invocation_arn=submit.output,
            tolerate_failures=True,
            deferrable=True,  # whatever the deployment's default: no worker is to wait for Bedrock
            timeout=_WAIT_TIMEOUT,
            aws_conn_id=_CONNECTION,
            region_name=_BEDROCK_REGION,
            doc_md="Deferred: one trigger polls all jobs of the shard with one client.",
        )
        # Whatever became of submit and wait, what did finish is stored, and the rest is accounted for.
        store = PythonOperator(
            task_id="store",
            python_callable=tasks.store,
            op_kwargs={"handle": handle},
            trigger_rule=TriggerRule.ALL_DONE,
            pool=STORE_POOL,
            doc_md="Follow the output files, truncate to 256, 384, 1024 and 3072 dimensions, renormalise, put into "
            "the four indexes, and note it in the ledger.",
        )
        submit >> wait >> store

    return shard


def setup_dag(doc: str | None) -> DAG:
    """``setup_embeddings``: everything that the embedding DAGs need, made once and checked every time."""
    with DAG(
        dag_id="setup_embeddings",
        doc_md=doc,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        tags=["embeddings", "setup"],
        params=setup_params(),
        default_args=DEFAULT_ARGS,
    ) as dag:
        buckets = PythonOperator(
            task_id="check_buckets",
            python_callable=setup.check_buckets,
            doc_md="The source and output buckets exist, and belong to `bucket_owner` when that is set.",
        )
        indexes = PythonOperator(
            task_id="create_vector_indexes",
            python_callable=setup.create_indexes,
            doc_md="The vector bucket and the four indexes of each space. An index of another shape is an error, never replaced.",
        )
        ledger = PythonOperator(
            task_id="create_ledger",
            python_callable=setup.create_ledger,
            doc_md="The DynamoDB table with one item per source and space, and the pointer to the active space.",
        )
        buckets >> ledger >> indexes  # the ledger's table says which spaces there are
    return dag

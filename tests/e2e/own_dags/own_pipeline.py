"""Somebody's own DAG: the operator and the sensor on their own, for one source and for many."""

from airflow.sdk import DAG, Param

from nova_mme_airflow.operators import NovaMMEAsyncOperator
from nova_mme_airflow.sensors import NovaMMEAsyncSensor

OUTPUT = "s3://nova-mme-output/own"

with DAG(
    "own_pipeline",
    schedule=None,
    params={"source": Param("s3://nova-mme-media/own/a.txt", type="string")},
    default_args={"retries": 1},
) as dag:
    one = NovaMMEAsyncOperator(
        task_id="start_one", source="{{ params.source }}", output_s3_uri=OUTPUT, region_name="us-east-1"
    )
    NovaMMEAsyncSensor(task_id="wait_for_one", invocation_arn=one.output, poke_interval=2)
    many = NovaMMEAsyncOperator(
        task_id="start_many",
        source=["s3://nova-mme-media/own/a.txt", "s3://nova-mme-media/own/b.txt"],
        output_s3_uri=OUTPUT,
        max_length_chars=800,
    )
    NovaMMEAsyncSensor(
        task_id="wait_on_worker", invocation_arn=many.output, deferrable=False, poke_interval=1
    )

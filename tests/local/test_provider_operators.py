"""The S3 Vectors operators of Airflow's amazon provider work against local AWS as they stand."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.amazon.aws.operators.s3_vectors import (
    S3VectorsCreateIndexOperator,
    S3VectorsCreateVectorBucketOperator,
    S3VectorsDeleteIndexOperator,
    S3VectorsDeleteVectorBucketOperator,
    S3VectorsPutVectorsOperator,
    S3VectorsQueryVectorsOperator,
)

from nova_mme_local.server import LocalAws

ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/media"


@pytest.fixture
def run(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Execute an operator as Airflow would; only AWS_ENDPOINT_URL says that this is not AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def execute(operator: type, **params: Any) -> Any:
        task = operator(task_id="task", aws_conn_id=None, region_name="us-east-1", **params)
        return task.execute({})

    return execute


def test_operators_create_fill_query_and_delete(run):
    """From an empty account to a search and back, with the provider's six operators."""
    index = {"vector_bucket_name": "media", "index_name": "embeddings-3d"}
    assert run(S3VectorsCreateVectorBucketOperator, vector_bucket_name="media", tags={"a": "1"}) == ARN
    create = {**index, "data_type": "float32", "dimension": 3, "distance_metric": "cosine"}
    assert run(S3VectorsCreateIndexOperator, **create) == f"{ARN}/index/embeddings-3d"
    assert run(S3VectorsCreateIndexOperator, **create, if_exists="skip") == f"{ARN}/index/embeddings-3d"
    records = [
        {"key": "east", "data": {"float32": [1.0, 0.0, 0.0]}, "metadata": {"kind": "image"}},
        {"key": "north", "data": {"float32": [0.0, 1.0, 0.0]}, "metadata": {"kind": "video"}},
        {"key": "west", "data": {"float32": [-1.0, 0.0, 0.0]}, "metadata": {"kind": "image"}},
    ]
    run(S3VectorsPutVectorsOperator, **index, vectors=records)
    found = run(
        S3VectorsQueryVectorsOperator,
        **index,
        top_k=5,
        query_vector={"float32": [2.0, 0.0, 0.0]},
        filter={"kind": {"$eq": "image"}},
    )
    assert found == [
        {"key": "east", "distance": 0.0, "metadata": {"kind": "image"}},
        {"key": "west", "distance": 2.0, "metadata": {"kind": "image"}},
    ]
    run(S3VectorsDeleteIndexOperator, **index)
    run(S3VectorsDeleteVectorBucketOperator, vector_bucket_name="media")

"""The task callables' edges: settings, and when a run is red."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from nova_mme_airflow import reports, setup, tasks

SETTINGS = {
    "source_uri": "s3://media/",
    "output_uri": "s3://output/nova",
    "vector_bucket": "vectors",
    "ledger_table": "ledger",
}


def test_a_missing_variable_is_a_sentence(monkeypatch):
    """The first thing a new user meets says what to set."""
    monkeypatch.delenv("AIRFLOW_VAR_NOVA_MME", raising=False)

    with pytest.raises(AirflowFailException, match="Variable 'nova_mme' is not set"):
        tasks.read_settings()


def test_a_wrong_variable_is_a_sentence(monkeypatch):
    """Unknown keys are typing errors until shown otherwise."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps({**SETTINGS, "bucket": "x"}))

    with pytest.raises(AirflowFailException, match="Unknown settings: bucket"):
        tasks.read_settings()


def test_a_runs_values_go_before_the_deployments(monkeypatch):
    """A parameter that is given overrides the Variable; one that is empty does not."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))

    settings = tasks.read_settings({"source_uri": "s3://other/", "output_uri": None, "vector_bucket": ""})

    assert (settings.source_uri, settings.vector_bucket) == ("s3://other/", "vectors")


SUMMARY = {"lost": 0, "failed": 1, "sources": 4, "report_uri": "s3://output/report.md"}


def test_a_few_failures_leave_the_run_green():
    """Up to the allowed share, the run succeeds and the report tells."""
    assert reports.judge(SUMMARY, 0.25, 0.25) is None


def test_too_many_failures_make_it_red():
    """Above it, the run fails and names the report."""
    with pytest.raises(AirflowFailException, match=r"1 of 4 sources failed.*report\.md"):
        reports.judge(SUMMARY, 0.25, 0.2)


def test_lost_sources_make_it_red():
    """Sources unaccounted for fail the run, however few."""
    with pytest.raises(AirflowFailException, match="unaccounted"):
        reports.judge({**SUMMARY, "lost": 1}, 0.0, 1.0)


def test_setup_names_the_bucket_that_is_missing(account, monkeypatch):
    """The media and output buckets are the user's: setup says which it cannot use."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps({**SETTINGS, "output_uri": "s3://nowhere-else/n"}))

    with pytest.raises(AirflowFailException, match="bucket 'nowhere-else' cannot be used"):
        setup.check_buckets(params={})


def test_setup_twice_changes_nothing(account, monkeypatch):
    """The first time everything is created, the second time nothing."""
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))

    assert setup.check_buckets(params={}) == ["media", "output"]
    assert setup.create_ledger(params={})
    assert len(setup.create_indexes(params={})) == 5
    assert not setup.create_ledger(params={})
    assert setup.create_indexes(params={}) == []


def test_an_index_of_another_shape_is_an_error_that_says_so(account, monkeypatch):
    """It is neither used nor replaced."""
    import boto3

    vectors = boto3.client("s3vectors", endpoint_url=account.url)
    vectors.create_vector_bucket(vectorBucketName="vectors")
    vectors.create_index(
        vectorBucketName="vectors",
        indexName="embeddings-384d",
        dataType="float32",
        dimension=128,
        distanceMetric="cosine",
    )
    monkeypatch.setenv("AIRFLOW_VAR_NOVA_MME", json.dumps(SETTINGS))
    setup.create_ledger(params={})

    with pytest.raises(AirflowFailException, match="embeddings-384d exists in another shape: dimension 128"):
        setup.create_indexes(params={})

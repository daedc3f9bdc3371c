"""Links from a task in the UI to what it made in AWS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class OutputFolderLink(BaseOperatorLink):
    """The S3 console, at the folder that holds a job's output."""

    name = "Output in S3"
    key = "nova_mme_output_folder"

    @property
    def xcom_key(self) -> str:
        """Under which key the worker keeps the link."""
        return self.key

    @classmethod
    def persist(cls, context: Any, uri: str, region: str | None) -> None:
        """Keep the link of ``s3://bucket/prefix/`` (or of an object's folder), when the task knows it."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        folder = key.rpartition("/")[0] if key.endswith(".json") else key.rstrip("/")
        place = f"prefix={quote(folder)}/&region={region or 'us-east-1'}"
        url = f"https://console.aws.amazon.com/s3/buckets/{bucket}?{place}"
        context["ti"].xcom_push(key=cls.key, value=url)

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The link that :meth:`persist` kept; empty before the task has run."""
        from airflow.sdk.execution_time.xcom import XCom

        value = XCom.get_value(key=self.key, ti_key=ti_key)
        return value or ""


class ReportLink(BaseOperatorLink):
    """The page that a task has written to S3."""

    name = "Report"
    key = "nova_mme_report"

    @property
    def xcom_key(self) -> str:
        """Under which key the worker keeps the link."""
        return self.key

    @classmethod
    def persist(cls, ti: Any, uri: str) -> None:
        """Keep the link of ``s3://bucket/key``: in the S3 console, or at AWS_ENDPOINT_URL, as local AWS shows it."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        local = os.environ.get("AWS_ENDPOINT_URL")
        url = (
            f"{local.rstrip('/')}/{bucket}/{quote(key)}"
            if local
            else f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"
        )
        ti.xcom_push(key=cls.key, value=url)

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The link that :meth:`persist` kept; empty before the task has run."""
        from airflow.sdk.execution_time.xcom import XCom

        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

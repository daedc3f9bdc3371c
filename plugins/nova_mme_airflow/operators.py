"""Start async invocations of Nova Multimodal Embeddings; and tasks with a page to read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from nova_mme_airflow.connection import AWS_TEMPLATE_FIELDS, AwsConnectionArguments
from nova_mme_airflow.links import OutputFolderLink, ReportLink

if TYPE_CHECKING:
    from airflow.sdk import Context

NOVA_MODEL_ID = "amazon.nova-2-multimodal-embeddings-v1:0"

# Between which a backfill that has made way comes back: not all shards of it at once.
_YIELD_SECONDS = (20, 40)


class NovaMMEAsyncOperator(AwsConnectionArguments, BaseOperator):
    """Starts one Bedrock async invocation per S3 object, and never a second one for the same work.

    Returns the invocation ARN for one source, a list of ARNs for several or for a shard; hand it to
    :class:`~nova_mme_airflow.sensors.NovaMMEAsyncSensor`.

    A retry, a cleared task or a worker that died between the call and its answer finds the job that was
    started: the ``clientRequestToken`` is made of the task instance and of the request. Only a job that
    Bedrock reports as Failed is started anew by a later try of the task.

    :param source: ``s3://bucket/key`` of one object, or several. (templated)
    :param output_s3_uri: below which Bedrock makes one folder per invocation. (templated)
    :param shard: a shard's handle, as this package's DAGs plan it, instead of ``source``; what to start,
        and how, is in its manifest, the ledger is written, and the deployment's bound on jobs in flight is kept.
        A shard of a backfill makes way for live work: the task is rescheduled. (templated)
    :param modality: text, image, video or audio; by default what the file name's extension stands for.
    :param media_format: such as ``jpeg``; by default by the extension. Not for text.
    :param max_length_chars: text: characters of a segment, 800 to 50,000.
    :param truncation_mode: text: START, END or NONE.
    :param detail_level: images: STANDARD_IMAGE or DOCUMENT_IMAGE.
    :param duration_seconds: audio and video: seconds of a segment, 1 to 30.
    :param embedding_mode: video: AUDIO_VIDEO_COMBINED or AUDIO_VIDEO_SEPARATE.
    :param embedding_purpose: GENERIC_INDEX for what is to be searched.
    :param embedding_dimension: 256, 384, 1024 or 3072; the smaller ones can be had from 3072 by truncation.
    :param bucket_owner: account id that must own the input and output buckets. (templated)
    :param kms_key_id: ARN of the key that encrypts the output. (templated)
    :param tags: tags of the invocation.
    :param client_request_token: your own idempotency token, for one source. (templated)
    :param aws_conn_id: the Airflow connection; None or empty for boto3's own credential chain. (templated)
    :param region_name: the Region; None for the connection's. (templated)
    :param verify: whether, or with which CA bundle, certificates are checked. (templated)
    :param botocore_config: keyword arguments of ``botocore.config.Config``.
    """

    template_fields: Sequence[str] = (
        "source",
        "output_s3_uri",
        "shard",
        "model_id",
        "modality",
        "media_format",
        "max_length_chars",
        "truncation_mode",
        "detail_level",
        "duration_seconds",
        "embedding_mode",
        "embedding_purpose",
        "embedding_dimension",
        "bucket_owner",
        "kms_key_id",
        "client_request_token",
        *AWS_TEMPLATE_FIELDS,
    )
    template_fields_renderers = {"shard": "json"}
    operator_extra_links = (OutputFolderLink(),)
    ui_color = "#c5cae9"

    def __init__(
        self,
        *,
        source: str | Sequence[str] | None = None,
        output_s3_uri: str | None = None,
        shard: dict[str, Any] | None = None,
        model_id: str = NOVA_MODEL_ID,
        modality: str | None = None,
        media_format: str | None = None,
        max_length_chars: int | None = None,
        truncation_mode: str = "END",
        detail_level: str | None = None,
        duration_seconds: int | None = None,
        embedding_mode: str | None = None,
        embedding_purpose: str = "GENERIC_INDEX",
        embedding_dimension: int = 3072,
        bucket_owner: str | None = None,
        kms_key_id: str | None = None,
        tags: dict[str, str] | None = None,
        client_request_token: str | None = None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.output_s3_uri = output_s3_uri
        self.shard = shard
        self.model_id = model_id
        self.modality = modality
        self.media_format = media_format
        self.max_length_chars = max_length_chars
        self.truncation_mode = truncation_mode
        self.detail_level = detail_level
        self.duration_seconds = duration_seconds
        self.embedding_mode = embedding_mode
        self.embedding_purpose = embedding_purpose
        self.embedding_dimension = embedding_dimension
        self.bucket_owner = bucket_owner
        self.kms_key_id = kms_key_id
        self.tags = tags
        self.client_request_token = client_request_token
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def execute(self, context: Context) -> str | list[str]:
        """Start what is not started yet."""
        if self.shard is not None:
            OutputFolderLink.persist(context, self.shard["manifest"], self.hook.conn.meta.region_name)
            return self._submit_shard(self.shard)
        sources = [self.source] if isinstance(self.source, str) else list(self.source or ())
        self._check(sources)
        arns = [self._start(uri, context) for uri in sources]
        OutputFolderLink.persist(context, str(self.output_s3_uri), self.hook.conn.meta.region_name)
        return arns[0] if isinstance(self.source, str) else arns

    def _submit_shard(self, shard: dict[str, Any]) -> list[str]:
        """Start a shard's jobs; a backfill that has to wait goes to wait without a worker or a pool's slot.

        Airflow counts no try for it, and the next one goes on where this one stopped.
        """
        from nova_mme.errors import Yielded
        from nova_mme_airflow.tasks import submit

        try:
            return submit(shard, bedrock=self.hook.conn)
        except Yielded as yielded:
            pause = random.uniform(*_YIELD_SECONDS)
            self.log.info("%s In %.0f s.", yielded, pause)
            raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=pause)) from yielded

    def _check(self, sources: list[str]) -> None:
        if not sources or not self.output_s3_uri:
            raise AirflowFailException("Give source (one S3 URI or several) and output_s3_uri, or shard.")
        if self.client_request_token and len(sources) > 1:
            raise AirflowFailException("client_request_token is for one source: several would be one job.")

    def _start(self, uri: str, context: Context) -> str:
        """Start one job; on a later try of the task, pass over the jobs that have failed."""
        from nova_mme.job_starter import JobStarter

        starter = JobStarter(self.hook.conn)
        request = self._request(uri)
        for attempt in range(1, context["ti"].try_number + 1):
            arn = starter.start({**request, "clientRequestToken": self._token(request, attempt, context)})
            last = attempt == context["ti"].try_number or self.client_request_token
            if last or self.hook.get_invocation(arn)["status"] != "error":
                break
        self.log.info("Invocation %s for %s.", arn, uri)
        return arn

    def _token(self, request: dict[str, Any], attempt: int, context: Context) -> str:
        from json import dumps

        from nova_mme.nova import request_token

        if self.client_request_token:
            return self.client_request_token
        ti = context["ti"]
        task_instance = (ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index))
        return request_token(*task_instance, dumps(request, sort_keys=True), str(attempt))

    def _request(self, uri: str) -> dict[str, Any]:
        output: dict[str, Any] = {"s3Uri": self.output_s3_uri}
        if self.bucket_owner:
            output["bucketOwner"] = self.bucket_owner
        if self.kms_key_id:
            output["kmsKeyId"] = self.kms_key_id
        request = {
            "modelId": self.model_id,
            "modelInput": self._model_input(uri),
            "outputDataConfig": {"s3OutputDataConfig": output},
        }
        if self.tags:
            request["tags"] = [{"key": key, "value": value} for key, value in self.tags.items()]
        return request

    def _model_input(self, uri: str) -> dict[str, Any]:
        from nova_mme.errors import BadSetting
        from nova_mme.modality import Modality
        from nova_mme.nova import segmented_request

        modality = Modality(self.modality) if self.modality else Modality.of_name(uri)
        if modality is None:
            raise AirflowFailException(f"{uri}: its extension stands for no modality; give modality=...")
        segment = self.max_length_chars if modality is Modality.TEXT else self.duration_seconds
        try:
            return segmented_request(
                uri,
                modality,
                self.media_format or modality.format_of(uri),
                segment=segment,
                detail_level=self.detail_level,
                embedding_mode=self.embedding_mode,
                truncation_mode=self.truncation_mode,
                purpose=self.embedding_purpose,
                dimension=self.embedding_dimension,
                bucket_owner=self.bucket_owner or None,
            )
        except BadSetting as bad:
            raise AirflowFailException(f"{uri}: {bad}") from bad


class ReportingOperator(PythonOperator):
    """A PythonOperator with a link to the page that its callable writes."""

    operator_extra_links = (ReportLink(),)

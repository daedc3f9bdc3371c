"""The demo: a folder of media through the real DAGs on the local stack, then searches over what was stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from nova_mme.settings import Settings
from nova_mme.space import Space
from nova_mme.space_registry import SpaceRegistry
from nova_mme_local.airflow_settings import MEDIA_BUCKET, OUTPUT_BUCKET, REGION, deployment
from nova_mme_local.demo_search import WHO_ANSWERED, Searcher, choose_questions
from nova_mme_local.media import Media
from nova_mme_local.outcomes import explain_failure, list_failures, tabulate
from nova_mme_local.progress import watch
from nova_mme_local.screen import Phases, Screen
from nova_mme_local.stack import Stack
from nova_mme_local.stackerror import StackError
from nova_mme_local.updown import show_ui_url, start_stack

_NAMED = 12


class Demo:
    """One demo on a stack, over the sample media or a `folder` of the user's own."""

    def __init__(self, stack: Stack, screen: Screen, *, folder: Path | None = None) -> None:
        self._stack = stack
        self._screen = screen
        self._folder = folder
        self._phases = Phases()

    def run(self) -> int:
        """Do all of it; return 0.

        :raises StackError: when a DAG run failed, with the task, its last errors and where its log is.
        """
        media = Media.folder(self._folder) if self._folder else Media.samples()
        with self._phases.phase("start"):
            start_stack(self._stack, self._screen)
        with self._phases.phase("upload"):
            self._upload(media)
        with self._phases.phase("set up"):
            self._run_dags({"setup_embeddings": {}})
        with self._phases.phase("embed"):
            conf = {"prefix": media.prefix}
            reports = self._embed({f"embed_{modality}": conf for modality in media.counts()})
        with self._phases.phase("search"):
            self._search(media, reports)
        self._screen.say(f"  {self._phases.show()}")
        self._screen.say(
            f"Airflow: {self._screen.paint(show_ui_url(self._stack), 'bold')}; `make down` stops it."
        )
        return 0

    def _upload(self, media: Media) -> None:
        s3 = self._open("s3")
        there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        for bucket in (MEDIA_BUCKET, OUTPUT_BUCKET):  # in AWS they are the user's; the DAGs make all else
            if bucket not in there:
                s3.create_bucket(Bucket=bucket)
        with self._stack.hold_uploads():  # the DAGs are run below, and their reports shown
            new, same = media.upload(s3, MEDIA_BUCKET)
        counts = ", ".join(f"{count} {modality}" for modality, count in media.counts().items())
        self._screen.say(
            f"Media in s3://{MEDIA_BUCKET}/{media.prefix}: {counts}; {new} uploaded, {same} there already."
        )
        self._name_left_out(media.left_out)

    def _name_left_out(self, names: tuple[str, ...]) -> None:
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            self._screen.wrap(f"Left out: {', '.join(names[:_NAMED])}{more}.", "  ")

    def _embed(self, confs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Run the DAGs side by side; return their reports, after showing them."""
        self._screen.say(f"Running {', '.join(confs)} ...")
        runs, states = self._trigger_and_watch(confs)
        reports = [
            report
            for dag_id, run_id in runs.items()
            if (report := self._stack.api.xcom(dag_id, run_id, "report")) is not None
        ]
        self._show(reports)
        self._raise_failures(runs, states)
        return reports

    def _show(self, reports: list[dict[str, Any]]) -> None:
        if reports:
            self._screen.say("\n".join(["", *tabulate(reports), ""]))
        if failures := list_failures(reports):
            self._screen.say("  These have no vectors, or not all:")
            for line in failures:
                self._screen.wrap(line, "    ")

    def _run_dags(self, confs: Mapping[str, Mapping[str, Any]]) -> None:
        self._raise_failures(*self._trigger_and_watch(confs))

    def _trigger_and_watch(
        self, confs: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, str], dict[str, str]]:
        api = self._stack.api
        runs = {dag_id: api.trigger(dag_id, conf) for dag_id, conf in confs.items()}
        return runs, watch(api, runs, screen=self._screen)

    def _raise_failures(self, runs: Mapping[str, str], states: Mapping[str, str]) -> None:
        failed = [dag_id for dag_id, state in states.items() if state != "success"]
        if failed:
            raise StackError("\n\n".join(self._explain(failed, runs)))

    def _explain(self, failed: Iterable[str], runs: Mapping[str, str]) -> Iterable[str]:
        for dag_id in failed:
            yield explain_failure(self._stack.api, dag_id, runs[dag_id], task_logs=self._stack.task_logs)
        yield f"Airflow goes on running, to look closer: {show_ui_url(self._stack)}; `make down` stops it."

    def _search(self, media: Media, reports: list[dict[str, Any]]) -> None:
        if not any(report["stored"] or report["unchanged"] for report in reports):
            self._screen.say("  Nothing is stored, so there is nothing to search.")
            return
        searcher = Searcher(
            bedrock=self._open("bedrock-runtime"),
            s3vectors=self._open("s3vectors"),
            space=self._find_active_space(),
        )
        self._screen.say("Searches, at 1024 dimensions:")
        place = f"s3://{MEDIA_BUCKET}/"
        failed = {item["source"].removeprefix(place) for report in reports for item in report["failures"]}
        questions = choose_questions(media, own=self._folder is not None, failed=failed)
        searcher.show(questions, self._screen)
        self._screen.wrap(WHO_ANSWERED, "  ")

    def _find_active_space(self) -> Space:
        """The space that searches read: another than the first, where somebody has tried a change of the model."""
        settings = Settings.read(deployment())
        dynamodb = boto3.resource("dynamodb", **self._access())
        return SpaceRegistry(dynamodb, settings.ledger_table, settings.space).read().active.space

    def _open(self, service: str) -> Any:
        return boto3.client(service, **self._access())

    def _access(self) -> dict[str, Any]:
        return {
            "endpoint_url": self._stack.aws_url,
            "region_name": REGION,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
            "config": Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}),
        }

"""When jobs end, how many may be in flight, and what a restart or a reset does to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from local.bedrock_calls import BUCKET, Desk, open_desk, poll
from local.conftest import open_client
from local.media_files import clip, sound

from nova_mme_local.server import LocalAws

INCLUDE = Path(__file__).parents[2] / "include"


def test_time_is_a_deadline_not_a_place_in_a_queue() -> None:
    """Twelve jobs of a second each end together after a second, though two threads do the work."""
    with LocalAws(job_seconds=1.0) as aws:
        desk = open_desk(aws)
        desk.upload("deadline.txt", "text")
        jobs = [desk.wait(arn) for arn in [desk.start("deadline.txt") for _ in range(12)]]
        took = [(job["endTime"] - job["submitTime"]).total_seconds() for job in jobs]
        figures = aws.show_stats()["async_jobs"]
    assert min(took) >= 1.0
    assert max(took) < 4.0  # one after the other, two at a time, would be six
    assert figures.items() >= {"started": 12, "in_flight": 0, "peak_in_flight": 12}.items()


def test_the_quota_throttles_and_lets_in_again() -> None:
    """Above the quota a start answers 429; a repeated token is still answered; a finished job makes room."""
    with LocalAws(job_seconds=1.5, async_quota=2) as aws:
        desk = open_desk(aws)
        desk.upload("quota.txt", "text")
        first = desk.start("quota.txt", token="first")
        desk.start("quota.txt")
        with pytest.raises(desk.bedrock.exceptions.ThrottlingException) as caught:
            desk.start("quota.txt")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert desk.start("quota.txt", token="first") == first
        poll(lambda: aws.show_stats()["async_jobs"]["in_flight"], lambda count: count == 0)
        desk.start("quota.txt")
        figures = aws.show_stats()["async_jobs"]
        assert figures.items() >= {"started": 3, "in_flight": 1, "peak_in_flight": 2}.items()


def test_a_long_job_holds_no_short_one_up() -> None:
    """With one thread at work on a film, calls are answered at once, and a text waits only for the film."""
    with LocalAws(job_seconds=0, workers=1) as aws:
        desk = open_desk(aws)
        desk.upload("film.mp4", clip(["disc", "sky"] * 4, sounds=["tone"] * 8))
        desk.upload("short.txt", "text")
        film, short = desk.start("film.mp4"), desk.start("short.txt")
        done = [desk.wait(arn) for arn in (film, short)]
    assert [job["status"] for job in done] == ["Completed"] * 2
    assert done[0]["endTime"] <= done[1]["endTime"]


class TestRestart:
    """Jobs on disk."""

    def test_a_job_in_progress_keeps_its_time(self, tmp_path: Path) -> None:
        """After a restart it is still in progress until its minute is over, and its token finds it."""
        with LocalAws(data=tmp_path, job_seconds=60) as aws:
            desk = open_desk(aws)
            desk.upload("kept.wav", sound("tone"))
            arn = desk.start("kept.wav", token="kept")
        with LocalAws(data=tmp_path, job_seconds=0) as aws:
            desk = open_desk(aws)
            assert aws.show_stats()["async_jobs"]["in_flight"] == 1
            assert desk.start("kept.wav", token="kept") == arn
            job = desk.bedrock.get_async_invoke(invocationArn=arn)
        assert job["status"] == "InProgress"
        assert "endTime" not in job

    def test_a_killed_server_loses_no_job(self, tmp_path: Path) -> None:
        """After SIGKILL in the middle, the next start completes the job, with its output."""
        with serve(tmp_path, job_seconds=0.5) as (process, desk):
            desk.upload("killed.wav", sound("tone"))
            arn = desk.start("killed.wav", token="killed")
            process.kill()
        with serve(tmp_path, job_seconds=0.5) as (process, desk):
            job = desk.wait(arn)
            assert job["status"] == "Completed"
            assert len(desk.lines(job)) == 1
            assert desk.start("killed.wav", token="killed") == arn

    def test_what_was_done_stays_done(self, tmp_path: Path) -> None:
        """Finished jobs keep status, times and failure."""
        with LocalAws(data=tmp_path, job_seconds=0) as aws:
            desk = open_desk(aws)
            before = [desk.run("good.txt", "text"), desk.wait(desk.start("missing.txt"))]
        with LocalAws(data=tmp_path, job_seconds=0) as aws:
            bedrock = open_client(aws, "bedrock-runtime")
            after = [bedrock.get_async_invoke(invocationArn=job["invocationArn"]) for job in before]
        for one in (*before, *after):
            one.pop("ResponseMetadata")
        assert before == after
        assert [job["status"] for job in after] == ["Completed", "Failed"]


def reset(aws: LocalAws) -> None:
    """Empty everything."""
    urllib.request.urlopen(urllib.request.Request(f"{aws.url}/_local/reset", method="POST")).close()


def test_a_reset_forgets_jobs() -> None:
    """Jobs in flight vanish, their tokens are free again, figures start at zero."""
    with LocalAws(job_seconds=0.3) as aws:
        desk = open_desk(aws)
        desk.upload("before.txt", "text")
        arn = desk.start("before.txt", token="again")
        reset(aws)
        with pytest.raises(desk.bedrock.exceptions.ValidationException, match="does not exist"):
            desk.bedrock.get_async_invoke(invocationArn=arn)
        assert set(aws.show_stats()["async_jobs"].values()) == {0}
        desk = open_desk(aws)
        desk.upload("before.txt", "text")
        assert desk.wait(desk.start("before.txt", token="again"))["invocationArn"] != arn


def test_a_reset_stops_the_work() -> None:
    """What was being embedded writes nothing into the bucket that is made afterwards."""
    with LocalAws(job_seconds=0, workers=1) as aws:
        desk = open_desk(aws)
        desk.upload("film.mp4", clip(["disc", "sky"] * 10))
        desk.upload("next.txt", "text")
        arns = [desk.start("film.mp4"), desk.start("next.txt")]
        reset(aws)
        desk = open_desk(aws)
        job = desk.run("after.txt", "text")  # one worker: the others' turn is over when this one is done
        keys = [one["Key"] for one in desk.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert job["status"] == "Completed"
    assert not [key for key in keys for arn in arns if arn.rsplit("/", 1)[-1] in key]


@contextmanager
def serve(data: Path, *, job_seconds: float) -> Iterator[tuple[subprocess.Popen[str], Desk]]:
    """Run local AWS in a process of its own on a free port; it is ended with the block."""
    command = [sys.executable, "-m", "nova_mme_local.aws", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(
        [*command, "--job-seconds", str(job_seconds)],
        env={**os.environ, "PYTHONPATH": str(INCLUDE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        yield process, open_desk(SimpleNamespace(url=url))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(20)

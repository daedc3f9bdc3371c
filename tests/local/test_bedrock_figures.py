"""The figures of async jobs, from which a test computes how much of a quota was used."""

from __future__ import annotations

import time

from local.bedrock_calls import open_desk, poll

from nova_mme_local.server import LocalAws


def test_the_time_integral_of_jobs_in_flight() -> None:
    """Three jobs of half a second are 1.5 job-seconds, and no more when they are over; in between it grows."""
    with LocalAws(job_seconds=0.5) as aws:
        desk = open_desk(aws)
        desk.upload("figures.txt", "text")
        jobs = [desk.wait(arn) for arn in [desk.start("figures.txt") for _ in range(3)]]
        took = sum((job["endTime"] - job["submitTime"]).total_seconds() for job in jobs)
        after = read_seconds(aws)
        desk.start("figures.txt")
        began = time.monotonic()
        growing = poll(lambda: read_seconds(aws) - after, lambda grown: grown > 0.1)
        passed = time.monotonic() - began
    assert abs(after - took) < 0.01
    assert after >= 1.5
    assert growing <= passed + 0.1


def test_the_integral_survives_a_restart_and_no_reset(tmp_path) -> None:
    """It is of the jobs on disk: two looks before and after a restart can be compared."""
    with LocalAws(data=tmp_path, job_seconds=0.2) as aws:
        desk = open_desk(aws)
        desk.run("kept.txt", "text")
        before = read_seconds(aws)
    with LocalAws(data=tmp_path, job_seconds=0.2) as aws:
        assert read_seconds(aws) == before >= 0.2
        aws.reset()
        assert read_seconds(aws) == 0


def read_seconds(aws: LocalAws) -> float:
    """The integral up to now."""
    return aws.show_stats()["async_jobs"]["in_flight_seconds"]

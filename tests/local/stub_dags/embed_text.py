"""A stand-in for an embedding DAG: it reports what it was asked for, and can be told to fail."""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

with DAG("embed_text", schedule=None, params={"prefix": "", "fail": Param(False, type="boolean")}):

    @task
    def parts() -> list[int]:
        return [1, 2]

    @task
    def store(part: int, params: dict) -> int:
        print(f"storing part {part}")
        if params["fail"]:
            raise ValueError(f"part {part} cannot be stored")
        return part

    @task
    def report(stored: list[int], params: dict) -> dict:
        failure = {
            "source": "s3://b/bad.txt",
            "reason": "empty_file",
            "message": "Empty.",
            "next_step": "Fill it.",
        }
        return {
            "modality": "text",
            "prefix": params["prefix"],
            "sources": len(list(stored)) + 1,
            "unchanged": 0,
            "stored": 0,
            "failed": 1,
            "segments": 0,
            "vectors": {"256": 0, "384": 0, "1024": 0, "3072": 0},
            "seconds": 1.0,
            "failures": [failure],
        }

    report(store.expand(part=parts()))

"""The files of a job: one of lines per embedding type, the summary, the manifest.

Names and members are those of the Nova user guide, "Embeddings schema", "Asynchronous output", and, for
combined audio and video (which the guide's list leaves out), of the AWS News Blog's announcement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from nova_mme_local.bedrock.jobs import Job
from nova_mme_local.embedder import NAME
from nova_mme_local.embedder.projection import take_prefix
from nova_mme_local.embedder.segments import Segment
from nova_mme_local.faults import JobFault

_FILE_NAMES = {
    "TEXT": "embedding-text.jsonl",
    "IMAGE": "embedding-image.json",
    "AUDIO": "embedding-audio.jsonl",
    "VIDEO": "embedding-video.jsonl",
    "AUDIO_VIDEO_COMBINED": "embedding-audio-video.jsonl",
}
_NO_FAULT = JobFault()


class Results:
    """Collects the lines of a job in `folder` and puts them to S3 at the end, in one go."""

    def __init__(self, folder: Path, *, dimension: int, fault: JobFault | None) -> None:
        self._folder = folder
        self._dimension = dimension
        self._fault = fault or _NO_FAULT
        self._good: Counter[str] = Counter()
        self._failures: dict[str, list[Mapping[str, str]]] = {}

    def add(self, segment: Segment) -> None:
        """Write the line of a segment: an embedding, or why there is none."""
        failures = self._failures.setdefault(segment.kind, [])
        failure = self._find_failure(segment)
        line: dict[str, Any] = {"segmentMetadata": segment.metadata, "status": "SUCCESS"}
        if failure:
            line |= {"status": "FAILURE", **failure}
            failures.append(failure)
        else:
            line = {"embedding": take_prefix(segment.require_vector(), self._dimension), **line}
            self._good[segment.kind] += 1
        with self._path(segment.kind).open("ab") as file:  # a long film's lines are 50 MB: not for memory
            file.write(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))

    def save(self, job: Job, source_uri: str, *, put: Callable[[str, Any], None]) -> None:
        """Hand every file to `put(name, body)`, the manifest last."""
        for kind in self._failures:
            with self._path(kind).open("rb") as file:
                put(_FILE_NAMES[kind], file)
        results = [self._summarise(kind, job.output_uri) for kind in self._failures]
        summary = {
            "sourceFileUri": source_uri,
            "embeddingDimension": self._dimension,
            "embeddingResults": results,
            "localStandIn": NAME,
        }
        # What AWS writes into a manifest is not documented; ours says what made the vectors.
        manifest = {
            "invocationArn": job.arn,
            "localStandIn": NAME,
            "files": [result["outputFileUri"] for result in results],
        }
        put("segmented-embedding-result.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2))
        put("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))

    def _path(self, kind: str) -> Path:
        return self._folder / _FILE_NAMES[kind]

    def _find_failure(self, segment: Segment) -> Mapping[str, str] | None:
        if segment.metadata["segmentIndex"] in self._fault.failed_segments:
            message = self._fault.message or "The segment failed on request of /_local/faults"
            return {"failureReason": self._fault.failure_reason, "message": message}
        if segment.vector is None:
            return {"failureReason": "INVALID_CONTENT", "message": segment.problem}
        return None

    def _summarise(self, kind: str, output_uri: str) -> dict[str, str]:
        good, failures = self._good[kind], self._failures[kind]
        result = {
            "embeddingType": kind,
            "status": "PARTIAL_SUCCESS" if good and failures else "FAILURE" if failures else "SUCCESS",
            "outputFileUri": f"{output_uri}/{_FILE_NAMES[kind]}",
        }
        if failures:
            result["failureReason"] = failures[0]["failureReason"]
            result["message"] = f"{len(failures)} of {good + len(failures)} segments failed"
        return result

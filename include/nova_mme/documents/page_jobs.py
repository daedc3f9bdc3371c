"""How far the jobs of a document's pages have been started, kept beside the pages until all of them are.

A backfill that gives way in the middle of a long document would begin it anew each time, and might never end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from nova_mme.source import S3Uri


@dataclass(frozen=True, slots=True)
class PageJobs:
    """The ARNs of the first pages of one document, at one attempt.

    :ivar place: an object of its own for each token.
    """

    s3: Any
    place: S3Uri

    @classmethod
    def of(cls, s3: Any, folder: S3Uri, token: str) -> PageJobs:
        """Those of one attempt, which the token tells from all others."""
        return cls(s3, folder.join(f"started-{token[:16]}.json"))

    def read(self) -> list[str]:
        """As far as they are known, in the order of the pages; empty where a page has no job."""
        try:
            body = self.s3.get_object(Bucket=self.place.bucket, Key=self.place.key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return []
        arns: list[str] = orjson.loads(body)
        return arns

    def keep(self, arns: list[str]) -> None:
        """Keep them for the next try."""
        self.s3.put_object(
            Bucket=self.place.bucket,
            Key=self.place.key,
            Body=orjson.dumps(arns),
            ContentType="application/json",
        )

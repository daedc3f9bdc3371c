"""Two spaces of one deployment, filled by hand: the same sources, embedded by two models of local AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from core.deployment import Deployment
from core.stocked import ARN, RECIPE
from numpy.typing import NDArray

from nova_mme.ledger import Ledger
from nova_mme.matryoshka import truncate
from nova_mme.migration.coverage import Side
from nova_mme.migration.gate import Gate
from nova_mme.migration.verdict import Verdict
from nova_mme.search.query import TextQuery, embed_query
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS, Space
from nova_mme.store import VectorStore
from nova_mme.vector_batch import VectorBatch
from nova_mme_local.bedrock.models import NOVA_NEXT

NEXT = Space(NOVA_NEXT, "test", first=False)
_SUBJECTS = [
    "cats",
    "dogs",
    "rain",
    "coffee",
    "trains",
    "mountains",
    "violins",
    "bread",
    "ships",
    "gardens",
    "winter",
    "chess",
]
_VERBS = ["love", "fear", "need", "draw"]
TEXTS = tuple(f"The {subject} that we {verb}." for verb in _VERBS for subject in _SUBJECTS)


def open_side(deployment: Deployment, space: Space) -> Side:
    """A space of the deployment."""
    store = VectorStore(deployment.s3vectors, "vectors", space)
    return Side(store, Ledger(deployment.dynamodb, "ledger", space))


@dataclass
class TwoSpaces:
    """An old and a new space, and what is in them."""

    deployment: Deployment
    sources: list[Source] = field(default_factory=list)

    @cached_property
    def old(self) -> Side:
        """The active space."""
        return open_side(self.deployment, self.deployment.settings.space)

    @cached_property
    def new(self) -> Side:
        """The one that is judged."""
        return open_side(self.deployment, NEXT)

    def fill(self, count: int = len(TEXTS)) -> TwoSpaces:
        """Make the new indexes, and have so many texts stored in both spaces."""
        self.new.store.ensure()
        for number, text in enumerate(TEXTS[:count]):
            self.deployment.s3.put_object(Bucket="media", Key=f"{number}.txt", Body=text.encode())
        self.sources = sorted(
            self.deployment.listing(), key=lambda source: int(source.name.partition(".")[0])
        )
        for side in (self.old, self.new):
            put(side, self.sources, self.embed(side, TEXTS[:count]))
            _note_all(side, self.sources)
        return self

    def upload(self, key: str, text: str) -> Source:
        """Put an object."""
        return self.deployment.upload(key, text.encode())

    def embed(self, side: Side, texts: Sequence[str]) -> NDArray[np.float64]:
        """What the space's model makes of texts: float64, shape (len(texts), 3072)."""
        bedrock, space = self.deployment.bedrock, side.store.space
        vectors = [embed_query(TextQuery(text), 3072, bedrock=bedrock, space=space) for text in texts]
        return np.asarray(vectors, dtype=np.float64)

    def gate(self, **options: Any) -> Gate:
        """The gate between the two."""
        deployment = self.deployment
        return Gate(
            deployment.settings, self.old, self.new, deployment.s3, bedrock=deployment.bedrock, **options
        )

    def judge(self, **options: Any) -> Verdict:
        """What the gate says."""
        return self.gate(**options).run()

    def delete(self, source: Source) -> None:
        """Delete an object."""
        place = source.location
        self.deployment.s3.delete_object(Bucket=place.bucket, Key=place.key)

    def forget(self, side: Side, *sources: Source) -> None:
        """Take sources out of a space altogether: vectors and rows."""
        side.store.delete(f"{source.object_id}/TEXT/0" for source in sources)
        for row in side.ledger.rows(sources).values():
            assert side.ledger.remove(row)


def put(
    side: Side,
    sources: Sequence[Source],
    matrix: NDArray[np.float64],
    *,
    dimensions: Sequence[int] = DIMENSIONS,
    segments: Sequence[int] = (0,),
    scale: float = 1.0,
) -> None:
    """Put vectors: of each source, these segments, all alike.

    :param matrix: float64, shape (len(sources), 3072).
    :param scale: their length.
    """
    picked = [(source, index) for source in sources for index in segments]
    keys = [f"{source.object_id}/TEXT/{index}" for source, index in picked]
    about = [describe(side, source) for source, _ in picked]
    for dimension in dimensions:
        rows = truncate(np.repeat(matrix, len(segments), axis=0), dimension) * np.float32(scale)
        side.store.put(dimension, VectorBatch(keys, rows, about))


def describe(side: Side, source: Source) -> dict[str, Any]:
    """What a vector says of itself."""
    return {
        "objectId": source.object_id,
        "space": side.store.space.name,
        "etag": source.etag,
        "recipe": RECIPE.fingerprint,
    }


def start(side: Side, source: Source) -> None:
    """Note a job."""
    side.ledger.submitted(
        source, RECIPE, attempt=1, invocation_arns=[ARN], media_format="txt", content_type="text/plain"
    )


def store(
    side: Side,
    sources: Sequence[Source],
    matrix: NDArray[np.float64],
    *,
    segments: Mapping[str, int] | None = None,
    failed: int = 0,
) -> None:
    """Have sources stored, with vectors and rows."""
    extents = {"TEXT": 1} if segments is None else dict(segments)
    put(side, sources, matrix, segments=range(extents.get("TEXT", 0)))
    for source in sources:
        note(side, source, extents, failed)


def note(side: Side, source: Source, extents: Mapping[str, int], failed: int = 0) -> None:
    """Have a row of a stored source."""
    start(side, source)
    side.ledger.stored(source, RECIPE, segments=extents, reached=extents, failed_segments=failed)


def _note_all(side: Side, sources: Sequence[Source]) -> None:
    """Have rows of stored sources: the ledger writes the first one, and the others are copies of it."""
    if not sources:
        return
    note(side, sources[0], {"TEXT": 1})
    table = side.ledger.dynamodb.Table("ledger")
    key = {"object_id": sources[0].object_id, "space": side.store.space.name}
    item = table.get_item(Key=key)["Item"]
    with table.batch_writer() as writer:
        for source in sources[1:]:
            about = {name: getattr(source, name) for name in ("object_id", "uri", "etag", "size", "modified")}
            writer.put_item(Item={**item, **about})


def date_back(side: Side, source: Source, seconds: int = 3600) -> None:
    """Let a row have been changed so much earlier."""
    row = side.ledger.rows([source])[source.object_id]
    side.ledger.dynamodb.Table("ledger").update_item(
        Key={"object_id": row.object_id, "space": row.space},
        UpdateExpression="SET updated = :u",
        ExpressionAttributeValues={":u": row.updated - seconds},
    )

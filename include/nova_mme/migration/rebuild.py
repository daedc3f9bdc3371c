"""A space's indexes rebuilt, or one that is missing added, without asking the model for anything again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nova_mme.errors import BadSetting
from nova_mme.ledger import Ledger
from nova_mme.migration.copying import Copying
from nova_mme.migration.replay import Replay
from nova_mme.settings import Settings
from nova_mme.space import DIMENSIONS, FULL_DIMENSION
from nova_mme.store import VectorStore

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Rebuild:
    """Fills indexes of one space; searches and runs go on meanwhile.

    An index that is there is filled over, and nothing is deleted from it but what a rebuild itself has put. When it
    breaks off, it is simply run again. One that was killed may leave a vector that was replaced or removed at that
    very moment; reconcile_embeddings finds it.

    :ivar store: the indexes of the space, ``ledger``: its rows.
    :ivar expired: after :meth:`from_outputs`, the first 20 URIs whose outputs are not there any more.
    """

    settings: Settings
    s3: Any
    store: VectorStore
    ledger: Ledger
    expired: list[str] = field(default_factory=list)

    def from_vectors(self, dimensions: Iterable[int]) -> Counter[str]:
        """Fill indexes from the 3072-d vectors: truncated, at unit norm, off by float32's rounding (1e-7).

        :returns: ``vectors_<dimension>`` put, sources, orphans (left: no row covers them), foreign (left: keys of
            another form), refused (vectors), reopened (sources that a later run stores again: they changed
            meanwhile), withdrawn (vectors of sources removed meanwhile).
        :raises BadSetting: for a dimension that the model does not offer, for 3072, or when that index is missing.
        :raises IndexMismatch: when an index is of another shape, or holds another space's vectors.
        :raises ClientError: when something could not be read or put.
        """
        wanted = self._check(dimensions)
        if FULL_DIMENSION in wanted:
            raise BadSetting(
                "The 3072-d index cannot be rebuilt from itself; rebuild it from the outputs that were kept."
            )
        self._check_full()
        self._ensure(wanted)
        copying = Copying(self.store, self.ledger, wanted)
        copying.run()
        return self._tell("vectors", wanted, copying.counts)

    def from_outputs(self, dimensions: Iterable[int]) -> Counter[str]:
        """Fill indexes from what the jobs have written: the very bits that were stored.

        :returns: ``vectors_<dimension>`` put, sources, expired (whose outputs are gone: left as they are),
            not_stored (whose vectors are an earlier version's, or on their way: left), without_text (whose object
            is another one by now, so that hits do not show their words), and reopened and withdrawn as
            :meth:`from_vectors` has them.
        :raises BadSetting: for a dimension that the model does not offer.
        :raises IndexMismatch: when an index is of another shape.
        :raises ClientError: when something could not be read or put.
        """
        wanted = self._check(dimensions)
        self._ensure(wanted)
        replay = Replay(self.settings, self.s3, self.store, self.ledger, wanted)
        self.expired = replay.expired
        replay.run()
        return self._tell("outputs", wanted, replay.counts)

    def _check(self, dimensions: Iterable[int]) -> list[int]:
        wanted = sorted(set(dimensions))
        foreign = [dimension for dimension in wanted if dimension not in DIMENSIONS]
        if foreign or not wanted:
            raise BadSetting(
                f"The dimensions to rebuild are {wanted}; they can be {', '.join(map(str, DIMENSIONS))}: those that "
                "the model was trained at."
            )
        if self.store.space.name != self.ledger.space.name:
            raise BadSetting(
                f"The indexes are the space {self.store.space.name}'s, the ledger is {self.ledger.space.name}'s."
            )
        return wanted

    def _check_full(self) -> None:
        try:
            self.store.check(FULL_DIMENSION)
        except self.store.client.exceptions.NotFoundException as error:
            name = self.store.space.index_name(FULL_DIMENSION)
            raise BadSetting(
                f"There is no index {self.store.bucket}/{name} to copy from; rebuild it from the outputs first."
            ) from error

    def _ensure(self, dimensions: Iterable[int]) -> None:
        for dimension in dimensions:
            if self.store.ensure_index(dimension):
                log.info("Created %s.", self.store.space.index_name(dimension))

    def _tell(self, source: str, dimensions: list[int], counts: Counter[str]) -> Counter[str]:
        told = +counts  # without those that are none
        log.info("Rebuilt %s from %s: %s", dimensions, source, dict(told))
        return told

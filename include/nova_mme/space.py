"""One model id and revision: vectors of two spaces are never compared and never share an index."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nova_mme.errors import BadSetting

NOVA_MODEL_ID = "amazon.nova-2-multimodal-embeddings-v1:0"

# One invocation at 3072; the other three follow by truncation (Matryoshka Representation Learning).
DIMENSIONS = (256, 384, 1024, 3072)
FULL_DIMENSION = 3072

# "embeddings-<name>-3072d" has to fit the 63 characters of an index name (S3 Vectors limits).
_NAME_LENGTH = 46


@dataclass(frozen=True, slots=True)
class Space:
    """A model id, and a revision for what the id alone does not tell (empty for the model itself).

    :ivar first: the deployment's first space, whose indexes carry the plain names.
    """

    model_id: str = NOVA_MODEL_ID
    revision: str = ""
    first: bool = True

    def __post_init__(self) -> None:
        if len(self.name) > _NAME_LENGTH:
            raise BadSetting(f"The space name {self.name!r} has over {_NAME_LENGTH} characters.")

    @property
    def name(self) -> str:
        """A short name for the ledger, metadata and index names, such as ``nova-2-mme-v1-0``."""
        model = self.model_id.rsplit("/", 1)[-1].removeprefix("amazon.")
        text = f"{model.replace('multimodal-embeddings', 'mme')}-{self.revision}".lower()
        return re.sub(r"[^a-z0-9]+", "-", text).strip("-")

    def index_name(self, dimension: int) -> str:
        """The index of one dimension: ``embeddings-1024d`` in the first space, named by space in later ones.

        :raises BadSetting: for a dimension that the model does not offer.
        """
        if dimension not in DIMENSIONS:
            raise BadSetting(f"The dimension {dimension} is not one of {DIMENSIONS}.")
        return f"embeddings-{dimension}d" if self.first else f"embeddings-{self.name}-{dimension}d"

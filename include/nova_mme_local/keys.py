"""The local Airflow's own keys: random, made once, readable by their owner only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """What Airflow signs its tokens with (`jwt_secret`) and encrypts its connections with (`fernet`)."""

    jwt_secret: str
    fernet: str

    @classmethod
    def keep(cls, path: Path) -> Keys:
        """Return the keys of the file, made anew when there is none, or none that can be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            keys = cls.make()
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(keys), file)
        return keys

    @classmethod
    def make(cls) -> Keys:
        """Return new random keys; a Fernet key is 32 bytes in URL-safe base64."""
        return cls(secrets.token_urlsafe(64), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

"""Makes the secrets of the containers at their first start, so that none is in the environment or in a file of yours.

The service `secrets` of docker-compose.yaml runs this file with the folder of a volume as its argument. It runs in
the image, but needs no more than Python's standard library.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# Two read them. Airflow's user (50000, in group root) owns them. The entrypoint of the image postgres reads the
# password once, as root, before it becomes its own user 999; the group lets it in even where root has lost its
# privilege to read everything. Nobody else gets in, so neither does a Postgres that has been broken into.
_MODE = 0o440


def make_fernet_key() -> str:
    """Return a new key for Fernet: 32 random bytes in URL-safe base64, as its specification says."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def make_token() -> str:
    """Return 64 random bytes, what HS512 asks of its key (RFC 7518, section 3.2), as 86 characters."""
    return secrets.token_urlsafe(64)


def make_password() -> str:
    """Return 32 random bytes as 43 characters, none of which a URL has to escape."""
    return secrets.token_urlsafe(32)


# File name -> what makes its content.
SECRETS: dict[str, Callable[[], str]] = {
    "api_secret_key": make_token,
    "fernet_key": make_fernet_key,
    "jwt_secret": make_token,
    "postgres_password": make_password,
}


def make_missing(folder: Path) -> list[str]:
    """Make the secrets that `folder` does not have, and return their names; those it has stay as they are.

    :raises OSError: when the folder cannot be written.
    """
    missing = [name for name in SECRETS if not (folder / name).exists()]
    for name in missing:
        write_whole(folder / name, SECRETS[name]())
    return missing


def write_whole(path: Path, content: str) -> None:
    """Write a file that is there with all of its content and its final permissions, or not at all.

    It ends without a newline: Airflow takes a command's output as it is, to the last character.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp's mode is 0600
    try:
        with open(handle, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, _MODE)
            os.fsync(handle)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Make what is missing and say so, without telling any secret; return the exit status."""
    if len(arguments) != 1:
        print("Give one argument: the folder that the secrets are kept in.", file=sys.stderr)
        return 2
    try:
        made = make_missing(Path(arguments[0]))
    except OSError as error:
        print(
            f"The secrets cannot be kept in {arguments[0]}: {error}. If this is a volume that an older image has "
            "made, remove it and what was stored with it: docker compose down --volumes",
            file=sys.stderr,
        )
        return 1
    print(f"Made: {', '.join(made)}." if made else "All secrets are there.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Finds free ports on this machine, and says which one is in the way."""

from __future__ import annotations

import errno
import random
import socket

HOST = "127.0.0.1"

# Below the ports that Linux (32768 on) and macOS (49152 on) give to outgoing connections: one of those could take a
# port between our looking and a server's listening.
_FREE = range(20_000, 32_000)


def is_busy(port: int) -> bool:
    """Whether something listens on the port, or has it for itself, at any address that `localhost` can mean."""
    return (
        _answers(socket.AF_INET, HOST, port) or _answers(socket.AF_INET6, "::1", port) or not _can_bind(port)
    )


def find_free_port() -> int:
    """Return a port that nothing uses now.

    Raises OSError when a hundred tries found none.
    """
    for port in random.sample(_FREE, 100):
        if not is_busy(port):
            return port
    raise OSError(errno.EADDRINUSE, f"none of 100 ports between {_FREE.start} and {_FREE.stop} is free")


def _answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            return client.connect_ex((host, port)) == 0
    except OSError:  # no such address family on this machine
        return False


def _can_bind(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True

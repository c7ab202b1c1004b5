"""Ports that stay one's own while nobody listens on them."""

from __future__ import annotations

import atexit
import socket
from contextlib import ExitStack

_held = ExitStack()
atexit.register(_held.close)


def hold(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that has *port*, for 0 a free one, and does not listen. Raise OSError.

    Who connects is refused. Until it is closed, nobody is given the port by chance, as a server
    on "any free port" or a client would be; a server that asks for it by number gets it.
    """
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def free_port() -> int:
    """A port of 127.0.0.1 for servers that come and go; held until this process ends."""
    port: int = _held.enter_context(hold()).getsockname()[1]
    return port

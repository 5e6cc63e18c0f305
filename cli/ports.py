"""Whether a server may listen where it is to, asked before anything says that it does."""

import errno
import socket

from firesteel.errors import FiresteelError


class PortError(FiresteelError):
    """A server cannot listen at an address: the port is taken, or the address is none of this machine's."""


def must_be_free(host: str, port: int) -> None:
    """Take the port as a server would, and let go of it. Raises PortError."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # as servers do: an old connection is no server
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} is taken; choose another with --port") from None
        said = f"cannot listen at {host}, port {port}: {error.strerror}"
        raise PortError(f"{said}; choose others with --host and --port") from None

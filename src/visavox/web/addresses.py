"""Ports and addresses: a socket that is bound, or one line that says why not; the address that a browser opens.

It imports nothing that takes time, so that a port in use is said at once.

Example:
    with bind("127.0.0.1", 0) as listening:
        url_of("127.0.0.1", listening.getsockname()[1])
"""

from __future__ import annotations

import errno
import ipaddress
import socket

from visavox.errors import ConfigError


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address, and not yet listening.

    Args:
        host: name or address of this machine.
        port: 1 to 65535; 0 takes a free one.

    Raises:
        ConfigError: the port is out of range, in use or not allowed, or the address is none of this machine.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"`port` must be 1 to 65535, or 0 for a free one. Got {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"`host` must be an address of this machine. Got {host!r}. Leave it out.") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            reason = (
                f"Port {port} of {host} is in use. Stop what listens there, or take another with --port; 0 is free."
            )
        elif error.errno in (errno.EACCES, errno.EPERM):
            reason = f"Port {port} may not be taken by this user. Take one from 1024 on with --port."
        else:
            reason = f"`host` must be an address of this machine. Got {host!r}. Leave it out."
        raise ConfigError(reason) from error
    return found


def url_of(host: str, port: int) -> str:
    """Return the address to open.

    Example:
        >>> url_of("127.0.0.1", 8765), url_of("::1", 80), url_of("0.0.0.0", 80)
        ('http://127.0.0.1:8765', 'http://[::1]:80', 'http://127.0.0.1:80')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"

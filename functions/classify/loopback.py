"""Who can ask a server that listens on this machine's own addresses alone.

Nobody from elsewhere; but a page of elsewhere whose name is pointed at 127.0.0.1 while a browser here shows it (DNS
rebinding) is of one origin with us. The browser still says in `Host` by which name it asks.
"""

import re
from ipaddress import ip_address

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?\Z")


def is_own(host: str) -> bool:
    """Whether nobody but this machine can ask at an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_meant(header: str) -> bool:
    """Whether a `Host` header names this machine by its own: localhost, 127.0.0.0/8 or [::1], at any port."""
    found = _HOST.match(header.lower())
    return found is not None and is_own(found[1] or found[2])

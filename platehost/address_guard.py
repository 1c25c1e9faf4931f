"""Which addresses this service may call on behalf of somebody else: receivers of webhooks, pictures by URL.

A name is resolved once, every address that it has is checked, and the connection goes to a checked one: a name that
changes between two look-ups gains nothing. Addresses that are not public are refused unless the operator allows them.
`platehost.outbound` makes the requests.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from platehost.settings import SettingError

log = logging.getLogger("platehost.address_guard")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[tuple[Any, ...]]]

ALLOW_VARIABLE = "PLATEHOST_WEBHOOK_ALLOW"

# Ranges that Python's `is_global` lets pass (in some versions), each with the reason that a refusal tells.
_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("168.63.129.16/32", "a cloud's metadata service"),
        ("192.0.0.0/24", "reserved for protocols"),  # RFC 6890
        ("192.88.99.0/24", "a 6to4 relay"),  # RFC 7526
        ("::/96", "an IPv4 address in IPv6 form"),  # RFC 4291, 2.5.5.1
        ("64:ff9b::/96", "an IPv4 address behind NAT64"),  # RFC 6052
        ("64:ff9b:1::/48", "an IPv4 address behind NAT64"),  # RFC 8215
        ("2001::/32", "an IPv4 address behind Teredo"),  # RFC 4380
        ("2001:20::/28", "an overlay identifier"),  # RFC 7343
        ("2002::/16", "an IPv4 address behind 6to4"),  # RFC 3056
        ("3fff::/20", "for documentation"),  # RFC 9637
        ("5f00::/16", "a segment routing identifier"),  # RFC 9602
        ("fec0::/10", "site-local"),  # RFC 3879
    )
)


class AddressRefused(Exception):
    """An address that must not be called. The message names host, address, reason and remedy."""

    def __init__(self, host: str, address: str, reason: str) -> None:
        shown = host if host == address else f"{host} ({address})"
        super().__init__(f"{shown} is {reason} and is not called. An operator can allow it with {ALLOW_VARIABLE}.")
        self.reason = reason


def _look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class AddressGuard:
    """The rule for one process. Safe to be shared by threads."""

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve = _look_up) -> None:
        """`allowed` are networks that may be called although they are not public; `resolve` is for tests."""
        self._allowed = tuple(allowed)
        self._resolve = resolve

    @classmethod
    def from_setting(cls, text: str) -> AddressGuard:
        """From CIDRs with commas between them, such as `192.168.0.0/16,127.0.0.1/32`. Raises SettingError."""
        networks: list[Network] = []
        for each in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(each))
            except ValueError as error:
                raise SettingError(f"{ALLOW_VARIABLE} has {each!r}: {error}. Write it like 192.168.1.0/24.") from None
        return cls(networks)

    def check(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """The checked addresses of `host`, as getaddrinfo gives them.

        Raises AddressRefused when one of them must not be called, OSError when the name is not found.
        """
        # The brackets of an IPv6 address in a URL are no part of it.
        host = host.removeprefix("[").removesuffix("]")
        try:
            found = list(self._resolve(host, port))
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "not a host's name") from None
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        for each in found:
            address = str(each[4][0])
            reason = self.refusal(address)
            if reason:
                log.warning(
                    "an address was refused", extra={"fields": {"host": host, "address": address, "reason": reason}}
                )
                raise AddressRefused(host, address, reason)
        return found

    def refusal(self, address: str) -> str | None:
        """Why this IP address must not be called, None when it may be."""
        try:
            parsed: Address = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return "no IP address"
        # The kernel connects ::ffff:10.0.0.1 to 10.0.0.1.
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        parsed = mapped or parsed
        if any(parsed in network for network in self._allowed):
            return None
        return _reason(parsed)

    def connect(self, host: str, port: int, timeout: float | None, options: Any = ()) -> socket.socket:
        """A connection to a checked address; the next is tried when one does not answer.

        `timeout` in seconds, per address; `options` are (level, option, value). Raises AddressRefused or OSError.
        """
        failure: OSError | None = None
        for family, kind, protocol, _, place in self.check(host, port):
            line = socket.socket(family, kind, protocol)
            try:
                for option in options or ():
                    line.setsockopt(*option)
                line.settimeout(timeout)
                line.connect(place)
                return line
            except OSError as error:
                line.close()
                failure = error
        raise failure or OSError("no address")


def _reason(address: Address) -> str | None:
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_loopback:
        return "this machine itself"
    if address.is_link_local:
        return "link-local, where clouds keep their metadata"
    if address.is_multicast:
        return "a multicast address"
    for network, reason in _REFUSED:
        if address in network:
            return reason
    if not address.is_global:
        return "not a public address"
    return "reserved" if address.is_reserved else None

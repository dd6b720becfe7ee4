"""A transport that reaches the public internet only: what a provider calls a result may lie.

Name, literal, redirect and DNS answer are all checked, because all of them pass through here; and
the connection goes to the very address that was checked, so that a second DNS answer can't differ.
"""

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable

import httpx

# IPv4 addresses in the clothes of IPv6: translated (RFC 6052, RFC 7915) and compatible (RFC 4291).
_HIDING = [ipaddress.IPv6Network(n) for n in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]

type Resolve = Callable[[str, int], Iterable[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as DNS has them now."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class GuardedTransport(httpx.BaseTransport):
    """Sends https requests to public addresses, and plain ones only to hosts it was told."""

    def __init__(
        self,
        plain_hosts: Collection[str],
        inner: httpx.BaseTransport | None = None,
        lookup: Resolve = resolve,
    ) -> None:
        """Keep the hosts of providers on loopback, the real transport and the resolver."""
        self._plain_hosts = plain_hosts
        self._inner = inner or httpx.HTTPTransport(trust_env=False)
        self._lookup = lookup

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Check where this request goes, then send it there.

        Raises:
            httpx.UnsupportedProtocol: not https.
            httpx.ConnectError: the host is unknown, or an address of it is not public.
        """
        host = request.url.host
        if host not in self._plain_hosts:
            if request.url.scheme != "https":
                message = "not https"
                raise httpx.UnsupportedProtocol(message, request=request)
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=self._public_address(request))
        return self._inner.handle_request(request)

    def _public_address(self, request: httpx.Request) -> str:
        """Return the address to connect to; the Host header and TLS keep the name."""
        try:
            addresses = list(self._lookup(request.url.host, request.url.port or 443))
        except (OSError, UnicodeError) as error:
            message = "unknown host"
            raise httpx.ConnectError(message, request=request) from error
        if not addresses or not all(map(is_public, addresses)):
            message = "not a public address"
            raise httpx.ConnectError(message, request=request)
        return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an address is reachable by everybody, and hides no other one inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour or ip.teredo or any(ip in n for n in _HIDING)
        return ip.is_global and not ip.is_multicast and not hidden and "%" not in address
    return ip.is_global and not ip.is_multicast

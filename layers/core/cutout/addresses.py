"""Which image URLs are passed on to a provider: public https, and nothing that points inwards.

The provider fetches the image, not we, so names are not resolved here; what is refused are forms
that can only mean a private network. Pure.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

# A presigned URL has a session token of its signer's role in it, which alone may take thousands.
MAX_URL_LENGTH = 8192

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)")
_INWARD = frozenset({"localhost", "local", "internal", "localdomain", "lan", "intranet", "arpa"})


def refusal(url: str, *, loopback: bool = False) -> str | None:
    """Return the sentence why this URL is not taken; None: it is.

    Args:
        url: as the caller gave it.
        loopback: plain http on this machine is allowed; only true beside a provider on loopback.
    """
    if len(url) > MAX_URL_LENGTH:
        return f"The image_url is longer than {MAX_URL_LENGTH} characters."
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return "The image_url has blanks, backslashes or characters that must be percent-encoded."
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError:
        named = None
    return (
        _refused(parts, loopback=loopback) if named else "The image_url is not a URL with a host."
    )


def _refused(parts: SplitResult, *, loopback: bool) -> str | None:
    """Return the sentence why a well-formed URL is not taken; None: it is."""
    host = parts.hostname or ""
    if loopback and parts.scheme == "http" and _is_loopback(host):
        return None
    if parts.scheme != "https":
        return "The image_url must begin with https://."
    if "@" in parts.netloc:
        return "The image_url must not hold a user name or password; use a presigned URL."
    return _inward(host.removesuffix("."))


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL names this machine."""
    return _is_loopback(urlsplit(url).hostname or "")


def without_query(url: str) -> str:
    """Return the URL as it may be shown: query and fragment may hold a signature."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _inward(host: str) -> str | None:
    """Return the sentence why this host is not taken; None: it may be public."""
    private = "The image_url names a private or reserved address; it must be public."
    if ":" in host:
        return None if _is_public_v6(host) else private
    last = host.rpartition(".")[2]
    if _NUMBER.fullmatch(last):  # browsers and libraries read such a host as an IPv4 address
        return None if _is_public_v4(host) else private
    if not _NAME.fullmatch(host):
        return "The image_url must name a host with a public domain, in ASCII."
    return private if last in _INWARD else None


def _is_public_v4(host: str) -> bool:
    """Tell whether this is four decimal numbers, and a public address."""
    try:
        address = ipaddress.IPv4Address(host)  # refuses leading zeros, hex, and fewer parts
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _is_public_v6(host: str) -> bool:
    """Tell whether this is a public address that does not hide another one inside."""
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return False
    hidden = address.ipv4_mapped or address.sixtofour or address.teredo
    native = address in ipaddress.IPv6Network("2000::/3")  # global unicast; no NAT64 prefix
    return native and address.is_global and hidden is None and "%" not in host


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine's own name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Downloads go to the public internet and nowhere else, whatever a provider calls a result."""

import httpx
import pytest

from cutout.adapters.guarded import GuardedTransport, is_public, resolve
from cutout.providers.http import new_client

PUBLIC = "93.184.215.14"
INWARD = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 an address to refuse
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "ff02::1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
]


class Network:
    """Records what is sent; answers 200, or a redirect once."""

    def __init__(self, redirect: str = "") -> None:
        self.sent: list[httpx.Request] = []
        self._redirect = redirect

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.sent.append(request)
        if self._redirect and len(self.sent) == 1:
            return httpx.Response(302, headers={"Location": self._redirect})
        return httpx.Response(200, content=b"x")


def get(network: Network, url: str, names: dict[str, list[str]] | None = None) -> httpx.Response:
    """Fetch a URL through the guard, with this DNS; a literal resolves to itself."""
    known = names or {}
    transport = GuardedTransport(
        frozenset(), httpx.MockTransport(network), lambda host, _: known.get(host, [host])
    )
    with new_client(transport) as client:
        return client.get(url, follow_redirects=True)


def test_connects_to_the_address_that_was_checked() -> None:
    """A second DNS answer can't send it elsewhere; Host and TLS keep the name."""
    network = Network()

    get(network, "https://cdn.test/1.png", {"cdn.test": [PUBLIC]})

    (request,) = network.sent
    assert request.url.host == PUBLIC
    assert request.headers["Host"] == "cdn.test"
    assert request.extensions["sni_hostname"] == "cdn.test"


@pytest.mark.parametrize("address", INWARD)
def test_an_address_inside_is_not_public(address: str) -> None:
    """Private, link-local, metadata, shared, multicast, and those that hide one of them."""
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Both families."""
    assert is_public(address)


@pytest.mark.parametrize("address", [a for a in INWARD if "%" not in a])
def test_a_name_that_resolves_inwards_is_not_fetched(address: str) -> None:
    """One bad address among good ones is enough."""
    network = Network()

    with pytest.raises(httpx.ConnectError):
        get(network, "https://evil.test/1.png", {"evil.test": [PUBLIC, address]})

    assert network.sent == []


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]"])
def test_a_literal_inside_is_not_fetched(host: str) -> None:
    """Neither family."""
    network = Network()

    with pytest.raises(httpx.ConnectError):
        get(network, f"https://{host}/1.png")

    assert network.sent == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "2852039166"])
def test_an_address_in_disguise_is_not_fetched(host: str) -> None:
    """Decimal, hexadecimal, octal, shortened: what the system makes of it is what is checked."""
    network = Network()
    transport = GuardedTransport(frozenset(), httpx.MockTransport(network), resolve)

    with new_client(transport) as client, pytest.raises(httpx.ConnectError):
        client.get(f"https://{host}/1.png")

    assert network.sent == []


@pytest.mark.parametrize(
    "target", ["https://169.254.169.254/", "https://evil.test/", "http://cdn.test/", "ftp://a/b"]
)
def test_a_redirect_is_checked_like_the_first_url(target: str) -> None:
    """Inwards, or away from https, it ends there."""
    network = Network(redirect=target)
    names = {"cdn.test": [PUBLIC], "evil.test": ["10.0.0.1"]}

    with pytest.raises(httpx.TransportError):
        get(network, "https://cdn.test/1.png", names)

    assert len(network.sent) == 1


def test_a_redirect_to_another_public_host_is_followed() -> None:
    """As result URLs of content networks do."""
    network = Network(redirect="https://edge.test/1.png")

    answer = get(network, "https://cdn.test/1.png", {"cdn.test": [PUBLIC], "edge.test": [PUBLIC]})

    assert answer.content == b"x"
    assert [request.headers["Host"] for request in network.sent] == ["cdn.test", "edge.test"]


def test_an_unknown_host_is_a_failed_connection() -> None:
    """DNS has no answer."""

    def lookup(host: str, port: int) -> list[str]:
        message = "no such host"
        raise OSError(message)

    transport = GuardedTransport(frozenset(), httpx.MockTransport(Network()), lookup)
    with new_client(transport) as client, pytest.raises(httpx.ConnectError):
        client.get("https://nowhere.test/")

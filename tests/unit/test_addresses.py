"""Which image URLs are taken."""

import pytest

from cutout.addresses import MAX_URL_LENGTH, is_loopback_url, refusal, without_query

TAKEN = [
    "https://example.com/shoe.jpg",
    "https://cdn.example.co.uk:8443/a/b.png?X-Amz-Signature=abc#x",
    "https://images-1.s3.eu-central-1.amazonaws.com/a%20b.jpg",
    "https://xn--mbel-5qa.example/x",
    "https://example.com./x",
    "https://93.184.216.34/x.jpg",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/x.jpg",
    "HTTPS://EXAMPLE.COM/X.JPG",
    "https://example.com/" + "x" * (MAX_URL_LENGTH - 20),
]
REFUSED = [
    "",
    "shoe.jpg",
    "//example.com/x",
    "http://example.com/x.jpg",
    "ftp://example.com/x",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "file:///etc/passwd",
    "s3://bucket/key",
    "https://",
    "https:///x",
    "https://user@example.com/x",
    "https://user:word@example.com/x",
    "https://@example.com/x",
    "https://example.com:0/x",
    "https://example.com:99999/x",
    "https://example.com:port/x",
    "https://[::1/x",
    "https://localhost/x",
    "https://LOCALHOST/x",
    "https://a.localhost/x",
    "https://localhost./x",
    "https://printer.local/x",
    "https://metadata.google.internal/x",
    "https://intranet/x",
    "https://host.lan/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0x7f.0.0.1/x",
    "https://0177.0.0.1/x",
    "https://017700000001/x",
    "https://1.2.3.4.5/x",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.1.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/x",
    "https://0.0.0.0/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
    "https://127.0.0.1./x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[fe80::1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://[fc00::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://[::ffff:93.184.216.34]/x",
    "https://[2002:0a00:0001::1]/x",
    "https://[64:ff9b::a00:1]/x",
    "https://[2001:0:1::1]/x",
    "https://[fd00:ec2::254]/x",
    "https://[ff02::1]/x",
    "https://[v1.a]/x",
    "https://%6c%6f%63%61lhost/x",
    "https://ex ample.com/x",
    "https://example.com/a b",
    "https://example.com/a\n",
    "https://example.com\\@10.0.0.1/x",
    "https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/x",
    "https://m\N{LATIN SMALL LETTER O WITH DIAERESIS}bel.example/x",
    "https://-a.example/x",
    "https://a..example/x",
    "https://example.com/" + "x" * (MAX_URL_LENGTH - 19),
]


@pytest.mark.parametrize("url", TAKEN)
def test_public_https_is_taken(url: str) -> None:
    """Names and public addresses, with port, query and fragment."""
    assert refusal(url) is None


@pytest.mark.parametrize("url", REFUSED)
def test_everything_else_is_refused_with_a_sentence(url: str) -> None:
    """Other schemes, credentials, and whatever points inwards in any notation."""
    said = refusal(url)

    assert said is not None
    assert said.startswith("The image_url ")
    assert said.endswith(".")


@pytest.mark.parametrize("url", REFUSED)
def test_loopback_opens_nothing_but_loopback(url: str) -> None:
    """Beside a provider on this machine the other refusals stay."""
    assert refusal(url, loopback=True) is not None


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000/x.jpg", "http://[::1]:9000/x.jpg", "http://localhost:9000/x.jpg"],
)
def test_plain_http_on_this_machine_is_for_the_local_stack(url: str) -> None:
    """Only where the provider itself is on loopback."""
    assert refusal(url) is not None
    assert refusal(url, loopback=True) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:5000/v1", True),
        ("http://[::1]/", True),
        ("http://localhost:5000/v1", True),
        ("https://a.example/", False),
        ("https://localhost.example/", False),
    ],
)
def test_a_provider_on_this_machine_is_known(url: str, expected: bool) -> None:  # noqa: FBT001
    """By its number, or by the one name that means it."""
    assert is_loopback_url(url) is expected


def test_a_url_is_shown_without_its_query() -> None:
    """A signature may be in it."""
    url = "https://a.example:444/x%20y.jpg?X-Amz-Signature=secret#part"

    assert without_query(url) == "https://a.example:444/x%20y.jpg"

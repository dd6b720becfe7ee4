"""The providers' keys: there, secret, readable, and accepted."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of
from cutout.errors import (
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
)
from cutout.ports import Provider
from cutout.providers.apiin import ApiinProvider
from cutout.providers.eachlabs import EachlabsProvider
from cutout.providers.http import TIMEOUT
from cutout.settings import ProviderSettings
from tools.account import is_denied, is_loopback
from tools.doctor.access import denied, describe_key, roles_without_key
from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import Site

_READERS = ("SubmitFunction", "PollFunction", "ReconcileFunction")
_FREE = "asking costs nothing"


@dataclass(frozen=True, slots=True)
class _Key:
    """The key as it was read once."""

    text: str

    def value(self) -> str:
        """Return it."""
        return self.text

    def renewed(self, refused: str) -> str:
        """Return what was refused: the doctor judges this very key."""
        return refused


class _NoStore:
    """A place for results that came as bytes: the doctor asks for no result, so there is none."""

    def put(self, data: bytes, content_type: str) -> str:  # noqa: ARG002 - the protocol's
        """Forget it."""
        return ""


def check_keys(site: Site) -> Iterator[Finding]:
    """Is each provider's key there, secret, not empty, and accepted?"""
    for name in site.settings.providers:
        yield from _check_key(site, site.settings.provider(name))


def check_key_access(site: Site) -> Iterator[Finding]:
    """May the functions read and decrypt the keys? What you may is another matter."""
    ssm = site.client("ssm")
    for provider in site.settings.providers:
        name = site.settings.provider(provider).api_key_parameter
        filters = [{"Key": "Name", "Values": [name]}]
        for found in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]:
            problem = _role_problem(site, name) or _kms_problem(site, name, found.get("KeyId", ""))
            yield problem or ok("key.access", f"The functions may read {name}.")


def read_key(site: Site, provider: ProviderSettings) -> str:
    """Return a provider's key; never print it."""
    answer = site.client("ssm").get_parameter(Name=provider.api_key_parameter, WithDecryption=True)
    return str(answer["Parameter"]["Value"]).strip()


def adapter(provider: ProviderSettings, key: str, http: httpx.Client) -> Provider:
    """Return the provider's own adapter, as the functions use it, with this key."""
    if provider.name == "eachlabs":
        return EachlabsProvider(http, provider.base_url, _Key(key))
    return ApiinProvider(http, provider.base_url, _Key(key), _NoStore())


def new_http(url: str) -> httpx.Client:
    """Return a client that goes through the user's proxy, unless the server is on this machine."""
    return httpx.Client(
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=not is_loopback(url),
        headers={"User-Agent": "cutout-doctor/0.1"},
    )


def _check_key(site: Site, provider: ProviderSettings) -> Iterator[Finding]:
    """Look at one provider's key, until something is wrong with it."""
    name = provider.api_key_parameter
    try:
        kind = site.client("ssm").get_parameter(Name=name)["Parameter"]["Type"]
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        yield fault(
            "key.missing",
            f"There is no SSM parameter {name} for the key of {provider.name}: aws ssm "
            f"put-parameter --type SecureString --name {name} --value YOUR_KEY",
        )
        return
    if kind != "SecureString":
        yield fault("key.plain", _plain(name, kind))
    yield from _check_value(site, provider)


def _plain(name: str, kind: str) -> str:
    return (
        f"The SSM parameter {name} is a {kind}, readable by everybody who may list parameters, and "
        "its history keeps the key: delete it, have the provider make a new key, and put that in "
        "as a SecureString."
    )


def _role_problem(site: Site, name: str) -> Finding | None:
    """Say which roles may not read the parameter."""
    arn = site.client("ssm").get_parameter(Name=name)["Parameter"]["ARN"]
    lacking = [f for f in _READERS if denied(site, f, "ssm:GetParameter", arn)]
    if not lacking:
        return None
    message = f"{', '.join(lacking)} may not read the SSM parameter {name}: deploy again."
    return fault("key.role_denied", message)


def _kms_problem(site: Site, name: str, key_id: str) -> Finding | None:
    """Say what is wrong with the customer-managed key a parameter is encrypted with."""
    if key_id in ("", "alias/aws/ssm"):
        return None
    key = describe_key(site, key_id)
    if key["KeyState"] != "Enabled":
        message = f"The SSM parameter {name} is encrypted with {key_id}, which is {key['KeyState']}"
        return fault("key.kms_off", f"{message}: enable it, or put the key in again.")
    lacking = roles_without_key(site, [(f, "kms:Decrypt") for f in _READERS], key["Arn"])
    if not lacking:
        return None
    return fault(
        "key.kms_denied",
        f"The SSM parameter {name} is encrypted with {key_id}, which these roles may not use: "
        f"{', '.join(lacking)}. Put it in again without --key-id, or name the roles in the key's "
        "policy.",
    )


def _check_value(site: Site, provider: ProviderSettings) -> Iterator[Finding]:
    """Look at the value itself, and show it to the provider."""
    name = provider.api_key_parameter
    try:
        key = read_key(site, provider)
    except ClientError as error:
        if not is_denied(code_of(error)) and code_of(error) != "InvalidKeyId":
            raise
        yield fault("key.denied", f"The SSM parameter {name} can't be decrypted: {code_of(error)}.")
        return
    if not key or key == "YOUR_KEY":
        yield fault("key.empty", f"The SSM parameter {name} holds no key: put the real one in.")
        return
    if not key.isascii() or any(c.isspace() or c in "\"'" for c in key):
        message = f"The SSM parameter {name} holds blanks, quotation marks or odd characters"
        yield fault("key.malformed", f"{message}: put the bare key in.")
        return
    yield ok("key.readable", f"{name} holds a key.")
    yield _ask(provider, key)


def _ask(provider: ProviderSettings, key: str) -> Finding:
    """Ask for a prediction that does not exist: free of charge, and only a good key gets a 404."""
    error = _answer(provider, key)
    if not isinstance(error, PredictionUnknownError):
        return judge_answer(provider, error)
    if isinstance(_answer(provider, secrets.token_hex(16)), PredictionUnknownError):
        return warning(
            "provider.key_unproven",
            f"{provider.name} says 404 to a made-up prediction whatever the key, so this does not "
            f"prove yours ({_FREE}); only a real image does: SEND=1.",
        )
    return ok("provider.accepts", f"{provider.name} accepts the key ({_FREE}).")


def _answer(provider: ProviderSettings, key: str) -> ProviderError | None:
    with new_http(provider.base_url) as http:
        try:
            adapter(provider, key, http).status(f"doctor-{secrets.token_hex(8)}")
        except ProviderError as error:
            return error
    return None


def judge_answer(provider: ProviderSettings, error: ProviderError | None) -> Finding:
    """Say what any answer but 404 to a made-up prediction means."""
    name = provider.name
    match error:
        case None:
            message = f"{name} says 200 about a prediction that does not exist ({_FREE}): is "
            return warning("provider.odd", f"{message}{provider.base_url} the right address?")
        case ProviderMisconfiguredError():
            message = f"{name} refuses the key in {provider.api_key_parameter} ({error}; {_FREE})"
            return fault("provider.key_refused", f"{message}: put in one that is valid.")
        case ProviderOutOfCreditError():
            return fault("provider.no_credit", f"The account at {name} is out of credit: top it up")
        case ProviderRateLimitedError():
            return warning("provider.busy", f"{name} limits the rate just now ({error}): try later")
    message = f"{name} does not answer at {provider.base_url} ({error})"
    return fault("provider.unreachable", f"{message}: check the address and the provider's state.")

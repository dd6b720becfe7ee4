"""The webhook's route, from outside: a call that is not authentic gets a bare 404."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from tools.doctor.credentials import new_http
from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import Site

_PATH = "/webhooks/eachlabs/doctor/malformed"
_COLD_START_S = 30


def check_route(site: Site) -> Iterator[Finding]:
    """Does the address that providers are given lead to the webhook function?"""
    names = site.settings.providers
    if not any(site.settings.provider(name).uses_webhook for name in names):
        yield ok("webhook.unused", "No configured provider sends webhooks; all are polled.")
        return
    base = site.settings.webhook_base_url or site.outputs.get("ApiUrl", "")
    url = site.reachable(base) + _PATH
    try:
        with new_http(url) as http:
            answer = http.post(url, json={}, timeout=_COLD_START_S)
    except httpx.HTTPError as error:
        yield fault("webhook.unreachable", _unreachable(base, error))
        return
    yield judge_route(base, answer.status_code, answer.text)


def judge_route(base: str, status: int, text: str) -> Finding:
    """Say what an answer to a malformed token means; ours is 404 without a word."""
    if status == httpx.codes.NOT_FOUND:
        if not text.strip():
            return ok("webhook.answers", f"The webhook route answers at {base}.")
        message = f"{base} says 404, but not as the webhook function does (without a body)"
        return warning("webhook.foreign", f"{message}: does the domain lead to this stack's API?")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return fault(
            "webhook.blocked",
            f"{base} says {status} to webhooks, where the function would say 404: an API key, an "
            "authorizer, a resource policy or a firewall stands before the route, or the route or "
            "the custom domain's base path is missing. Webhooks must come through.",
        )
    return fault(
        "webhook.broken",
        f"{base} says {status} to webhooks, where the function would say 404: look at the logs and "
        "the concurrency of WebhookFunction.",
    )


def _unreachable(base: str, error: httpx.HTTPError) -> str:
    host = urlsplit(base).hostname or base
    return (
        f"{host} can't be reached from here ({type(error).__name__}): check WebhookBaseUrl, its "
        "DNS record and its certificate. Until then results are found by asking, a minute late."
    )

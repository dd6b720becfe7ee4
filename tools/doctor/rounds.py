"""Runs the checks side by side; one that can't look never stops the others."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from cutout.adapters.aws import code_of
from cutout.errors import CutoutError
from tools.account import is_denied
from tools.doctor import bucket, credentials, gates, plumbing, route
from tools.doctor.findings import Finding, fault, listed, ok, unknown
from tools.site import OUTPUTS, Site

_SIDE_BY_SIDE = 5

type Check = Callable[[Site], Iterable[Finding]]


def check_stack(site: Site) -> Iterator[Finding]:
    """Is the stack whole?"""
    missing = [name for name in OUTPUTS if not site.outputs.get(name)]
    if missing:
        message = f"The stack lacks the outputs {listed(missing)}: deploy this version of it."
        yield fault("stack.outputs", message)
    if not site.status.endswith("_COMPLETE") or site.status.startswith(("ROLLBACK", "DELETE")):
        message = f"The stack is {site.status}: wait for it, or deploy it again."
        yield fault("stack.status", message)
    elif not missing:
        message = f"The stack {site.name} is {site.status}, with all {len(OUTPUTS)} outputs."
        yield ok("stack.found", message)


CHECKS: dict[str, Check] = {
    "stack": check_stack,
    "bucket": bucket.check_bucket,
    "encryption": bucket.check_encryption,
    "paths": bucket.check_paths,
    "key": credentials.check_keys,
    "access": credentials.check_key_access,
    "webhook": route.check_route,
    "queues": plumbing.check_dead_letters,
    "sources": plumbing.check_sources,
    "rules": plumbing.check_rules,
    "functions": plumbing.check_functions,
    "gate": gates.check_gate,
    "loop": plumbing.check_loop,
    "quota": plumbing.check_quota,
    "reconcile": plumbing.check_reconcile,
    "jobs": gates.check_failures,
}


def examine(site: Site) -> Iterator[list[Finding]]:
    """Yield what each check found, in their order: most of the time is waiting for answers."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        yield from pool.map(lambda name: list(look(name, CHECKS[name], site)), CHECKS)


def look(name: str, check: Check, site: Site) -> Iterator[Finding]:
    """Yield what a check finds, and that it could not look where AWS did not let it."""
    try:
        yield from check(site)
    except ClientError as error:
        yield unknown(f"{name}.unknown", _blind(name, error))
    except (BotoCoreError, CutoutError) as error:
        yield unknown(f"{name}.unknown", f"The check of {name} could not look: {error}.")


def _blind(name: str, error: ClientError) -> str:
    call, code = error.operation_name, code_of(error)
    hint = f" Allow yourself the action of {call}." if is_denied(code) else ""
    return f"The check of {name} could not look: {call} answered {code}.{hint}"

"""Which functions feed themselves through queues, read from the template's own permissions."""

from collections.abc import Iterable

from tests.template.views import View, listed, names_in


def circles(view: View, without: Iterable[str] = ()) -> set[str]:
    """Return the functions from which a message may lead back to themselves, through queues only.

    These are the chains that Lambda counts (Lambda Developer Guide, "Use Lambda recursive loop
    detection to prevent infinite loops"): EventBridge, Step Functions and API Gateway are none of
    their links.

    Args:
        view: the template.
        without: functions that are left out, with the ways through them.
    """
    leads_to = _links(view)
    for name in without:
        leads_to[name] = set()
    return {name for name in leads_to if name in _reached(name, leads_to)}


def _links(view: View) -> dict[str, set[str]]:
    """Return the functions that each function may have invoked by its messages."""
    queues = set(view.of("AWS::SQS::Queue"))
    functions = view.of("AWS::Lambda::Function")
    feeds: dict[str, set[str]] = {queue: set() for queue in queues}
    for said in view.of("AWS::Lambda::EventSourceMapping").values():
        for queue in names_in(said["EventSourceArn"]) & queues:
            feeds[queue] |= names_in(said["FunctionName"])
    sends = {name: names_in(said.get("Environment", {})) for name, said in functions.items()}
    for owner, statement in view.statements():
        if owner in sends and "sqs:SendMessage" in listed(statement["Action"]):
            sends[owner] |= names_in(statement["Resource"])
    return {
        name: set().union(*(feeds[queue] for queue in named & queues))
        for name, named in sends.items()
    }


def _reached(start: str, leads_to: dict[str, set[str]]) -> set[str]:
    """Return everything that can be reached from here, in one step or more."""
    found: set[str] = set()
    waiting = set(leads_to[start])
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= leads_to.get(name, set()) - found
    return found

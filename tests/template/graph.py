"""Which resource waits for which: CloudFormation refuses circles, the linters do not see them."""

from tests.template.views import Resources, names_in


def circle(resources: Resources) -> list[str]:
    """Return the logical ids along one circle of references, or nothing."""
    waits_for = {name: _needs(name, resources) for name in resources}
    done: set[str] = set()
    for start in sorted(resources):
        path = _search(start, waits_for, [], done)
        if path:
            return path
    return []


def _needs(name: str, resources: Resources) -> list[str]:
    """Return the resources that must exist before this one."""
    resource = resources[name]
    explicit = resource.get("DependsOn", [])
    named = names_in(resource.get("Properties", {})) | set(
        explicit if isinstance(explicit, list) else [explicit]
    )
    return sorted(named & set(resources))


def _search(
    name: str, waits_for: dict[str, list[str]], path: list[str], done: set[str]
) -> list[str]:
    """Follow the references depth first until one leads back into the path."""
    if name in path:
        return [*path[path.index(name) :], name]
    if name in done:
        return []
    for following in waits_for[name]:
        found = _search(following, waits_for, [*path, name], done)
        if found:
            return found
    done.add(name)
    return []

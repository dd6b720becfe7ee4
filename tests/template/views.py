"""template.yaml as its author wrote it, and as SAM hands it to CloudFormation."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from samtranslator.translator.transform import transform

from tests.stack import template

type Json = Any
type Resources = dict[str, dict[str, Any]]


class _NoManagedPolicies:
    """Stands where SAM would ask IAM for the managed policies."""

    def load(self) -> dict[str, str]:
        """Know none: the template names none."""
        return {}


class View:
    """One template, read-only."""

    def __init__(self, source: Json) -> None:
        """Normalise and translate; the given template stays as it is."""
        self.source: Json = _normal(copy.deepcopy(source))
        self.parameters: dict[str, dict[str, Any]] = self.source["Parameters"]
        self.written: Resources = self.source["Resources"]
        self.resources: Resources = _translated(self.source)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the deployed resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def events(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the function and the properties of each written event of a type."""
        for name, resource in self.written.items():
            for event in resource.get("Properties", {}).get("Events", {}).values():
                if event["Type"] == kind:
                    yield name, event["Properties"]

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what each function or machine may do under some condition, with its id."""
        for role, said in self.of("AWS::IAM::Role").items():
            for policy in branches(said.get("Policies", [])):
                for statement in branches(policy["PolicyDocument"]["Statement"]):
                    yield role.removesuffix("Role"), statement
        for said in self.of("AWS::IAM::Policy").values():
            for role in names_in(said["Roles"]):
                for statement in branches(said["PolicyDocument"]["Statement"]):
                    yield role.removesuffix("Role"), statement

    def deployed(self, kind: str, **parameters: object) -> dict[str, dict[str, Any]]:
        """Return the properties of a type's resources that exist with these parameters."""
        resolver = _Resolver(self.source, parameters)
        return {
            name: said
            for name, said in self.of(kind).items()
            if resolver.holds(self.resources[name].get("Condition"))
        }

    def resolve(self, value: Json, **parameters: object) -> Json:
        """Return a value as CloudFormation would see it, with placeholders for what is made."""
        return _Resolver(self.source, parameters).value(value)


class _Resolver:
    """Evaluates the intrinsic functions that the template uses."""

    def __init__(self, source: Json, parameters: Mapping[str, object]) -> None:
        """Take the defaults, and what the caller sets instead."""
        defaults = {name: said.get("Default", "") for name, said in source["Parameters"].items()}
        self._known = {name: str(value) for name, value in (defaults | dict(parameters)).items()}
        self._conditions = source.get("Conditions", {})

    def value(self, value: Json) -> Json:
        """Return the value without intrinsic functions."""
        match value:
            case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::If": _} | {"Fn::Sub": _}:
                return self._intrinsic(value)
            case dict():
                return {key: self.value(inner) for key, inner in value.items()}
            case list():
                return [self.value(inner) for inner in value]
        return value

    def holds(self, name: str | None) -> bool:
        """Tell whether a resource with this condition exists; None: it has none."""
        return name is None or self._holds(self._conditions[name])

    def _intrinsic(self, value: Json) -> Json:
        match value:
            case {"Ref": name}:
                return None if name == "AWS::NoValue" else self._named(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._named(f"{name}.{attribute}")
            case {"Fn::If": [condition, yes, no]}:
                return self.value(yes if self._holds(self._conditions[condition]) else no)
            case {"Fn::Sub": [text, extra]}:
                return self._filled(text, extra)
        return self._filled(value["Fn::Sub"], {})

    def _named(self, name: str) -> str:
        return self._known.get(name, f"({name})")

    def _filled(self, text: str, extra: Mapping[str, Json]) -> str:
        def fill(found: re.Match[str]) -> str:
            name = found[1]
            return str(self.value(extra[name])) if name in extra else self._named(name)

        return re.sub(r"\$\{([^!][^}]*)\}", fill, text)

    def _holds(self, condition: Json) -> bool:
        match condition:
            case {"Fn::Equals": [one, other]}:
                return bool(self.value(one) == self.value(other))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": several}:
                return all(map(self._holds, several))
            case {"Fn::Or": several}:
                return any(map(self._holds, several))
            case {"Condition": name}:
                return self._holds(self._conditions[name])
        raise NotImplementedError(condition)


def names_in(value: Json) -> set[str]:
    """Return the logical ids and parameters that a value refers to, wherever in it."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::Sub": [text, extra]}:
            return (_substituted(text) - set(extra)) | names_in(extra)
        case {"Fn::Sub": text}:
            return _substituted(text)
        case dict() | list():
            inside = value.values() if isinstance(value, dict) else value
            return set().union(*map(names_in, inside))
    return set()


def listed(value: Json) -> list[Json]:
    """Return a list where CloudFormation takes one thing or a list of them."""
    return value if isinstance(value, list) else [value]


def branches(value: Json) -> Iterator[Json]:
    """Yield the things of a list, for each condition that they may stand under."""
    for one in listed(value):
        match one:
            case {"Fn::If": [_, yes, no]}:
                yield from branches([yes, no])
            case {"Ref": "AWS::NoValue"}:
                pass
            case _:
                yield one


@cache
def current() -> View:
    """Return template.yaml; SAM wants a region, so call it from a test or a fixture of one."""
    return View(template())


def broken(change: Callable[[Json], None]) -> View:
    """Return a view of template.yaml after a change to a copy of it."""
    source = _normal(copy.deepcopy(template()))
    change(source)
    return View(source)


def _substituted(text: str) -> set[str]:
    return {name.split(".")[0] for name in re.findall(r"\$\{([^!}][^}]*)\}", text)}


def _normal(value: Json) -> Json:
    """Write `!GetAtt A.B` and `!Condition C` as the JSON form has them."""
    match value:
        case {"Fn::GetAtt": str(dotted)}:
            return {"Fn::GetAtt": dotted.split(".", 1)}
        case {"Fn::Condition": name}:
            return {"Condition": name}
        case dict():
            return {key: _normal(inner) for key, inner in value.items()}
        case list():
            return [_normal(inner) for inner in value]
    return value


def _translated(source: Json) -> Resources:
    """Run SAM's own translator, as CloudFormation does after `sam package`."""
    packaged = copy.deepcopy(source)
    for resource in packaged["Resources"].values():
        for place in ("CodeUri", "ContentUri", "DefinitionUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://artifacts/packaged"
    made = transform(packaged, {}, _NoManagedPolicies(), passthrough_metadata=True)
    resources: Resources = _normal(made["Resources"])
    return resources

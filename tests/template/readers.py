"""Which settings a function reads, found in its builders and in what they import."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cutout import bootstrap
from cutout.settings import Settings

PACKAGE = Path(bootstrap.__file__).parent


def needed_by(folder: str) -> set[str]:
    """Return the settings that a function's builders and what they import read."""
    app = ast.parse((PACKAGE.parents[2] / "functions" / folder / "app.py").read_text("utf-8"))
    builders = {
        node.name: node
        for node in ast.parse((PACKAGE / "bootstrap.py").read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    read: set[str] = set()
    waiting, seen = names_of(app) & set(builders), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        read |= attributes_of(builders[name])
        waiting |= (names_of(builders[name]) & set(builders)) - seen
        for module in imported_by(builders[name]):
            read |= attributes_of(ast.parse(module.read_text("utf-8")))
    return read & set(Settings.model_fields)


def names_of(tree: ast.AST) -> set[str]:
    """Return the names and attributes in a piece of code."""
    nodes = list(ast.walk(tree))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
        node.id for node in nodes if isinstance(node, ast.Name)
    }


def attributes_of(tree: ast.AST) -> set[str]:
    """Return the attributes that are read of something called settings or config."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and re.fullmatch(r"(self\.)?_?(settings|config)(\(\))?", ast.unparse(node.value))
    }


def imported_by(tree: ast.AST) -> Iterator[Path]:
    """Yield the modules of the package that a builder imports itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cutout."):
            module = PACKAGE.joinpath(*node.module.split(".")[1:]).with_suffix(".py")
            if module.exists():
                yield module

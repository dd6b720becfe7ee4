"""Who imports what, read from the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

# STYLE 5: what is pure imports nothing of what is not; a module not named here may read settings.
PURE = (
    "addresses",
    "backfills",
    "cursors",
    "errors",
    "formats",
    "gate",
    "headers",
    "inheritance",
    "inputs",
    "jobs",
    "keys",
    "models",
    "pauses",
    "ports",
    "requests",
    "settings",
    "sniff",
    "staging",
    "tiff",
    "unreadable",
)
OUTER = {"adapters", "api", "bootstrap", "observability", "providers", "services", "settings"}
MAY_IMPORT: dict[str, set[str]] = {
    "functions": {"batches", "bootstrap", "services", "errors", "models", "observability"},
    "bootstrap": OUTER,
    "services": {"services", "settings", "observability"},
    "api": {"api", "services", "settings", "observability"},
    "adapters": {"adapters"},
    "providers": {"providers"},
    "batches": set(),
    "observability": set(),
    **{part: set() for part in PURE},
}
# Which files may import what others bring; everybody may import the rest.
ONLY = {
    "os": ("bootstrap.py",),
    "boto3": ("adapters/",),
    "botocore": ("adapters/",),
    "httpx": ("providers/", "adapters/results.py", "adapters/guarded.py"),
    "PIL": ("adapters/imaging.py", "adapters/preparing.py", "adapters/decoding/"),
    "pillow_heif": ("adapters/preparing.py",),
    "functions": (),
    "local": (),
    "tests": (),
}


def problems(path: str, code: str) -> Iterator[str]:
    """Yield what is wrong with a module; the path is the package's, or begins with functions/."""
    tree = ast.parse(code)
    part = path.split("/", maxsplit=1)[0].removesuffix(".py")
    may = MAY_IMPORT.get(part, {"settings"})
    for module in imported(tree):
        root, _, rest = module.partition(".")
        inner = rest.split(".")[0]
        if root == "cutout" and inner not in may and (inner in OUTER or part == "functions"):
            yield f"{path} imports {module}"
        if root in ONLY and not path.startswith(ONLY[root] or "\0"):
            yield f"{path} imports {module}"
    for node in ast.walk(tree):
        match node:
            case ast.Assert():
                yield f"{path}:{node.lineno} asserts"
            case ast.Call(func=ast.Name(id="print")):
                yield f"{path}:{node.lineno} prints"
            case ast.ImportFrom(level=level) if level:
                yield f"{path}:{node.lineno} imports relatively"


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every imported module, with `from cutout import keys` as cutout.keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if node.module == "cutout":
                yield from (f"cutout.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def public_names(code: str) -> set[str]:
    """Return the public names that a module defines itself."""
    names: set[str] = set()
    for node in ast.parse(code).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.TypeAlias(name=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def modules(root: Path) -> Iterator[tuple[str, str]]:
    """Yield path and code of everything that is deployed."""
    for file in sorted((root / "layers/core/cutout").rglob("*.py")):
        yield str(file.relative_to(root / "layers/core/cutout")), file.read_text("utf-8")
    for file in sorted((root / "functions").rglob("*.py")):
        yield str(file.relative_to(root)), file.read_text("utf-8")

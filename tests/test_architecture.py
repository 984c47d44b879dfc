"""The arrows of the architecture: imports point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

GROUND = ("records", "emails", "faults", "outbound")
CORE = ("counting", "sources", "channels", "models")
MIDDLE = ("services", "selectors", "reports", "wording")
LAYERS = {name: level for level, names in enumerate((GROUND, CORE, MIDDLE)) for name in names}
TOP = len(("ground", "core", "middle"))  # views, api, tasks, commands, forms, access and the like


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a module imports when it is loaded, those for type checking included."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, functions):
            waiting += ast.iter_child_nodes(node)


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def part_of(dotted: str) -> str:
    """The part of ``enterprise`` that a dotted name leads into."""
    return [*dotted.split("."), ""][1]


def level_of(part: str) -> int:
    return next(
        (level for name, level in LAYERS.items() if part == name or part.startswith(f"{name}_")),
        TOP,
    )


@pytest.mark.parametrize("path", modules("enterprise"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_nothing_above_it(path: Path) -> None:
    own = part_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    above = {
        name
        for name in imports(path)
        if name.startswith("enterprise.") and level_of(part_of(name)) > level_of(own)
    }
    assert above == set()


PURE = ("counting", "sources", "channels")


@pytest.mark.parametrize("part", PURE)
def test_the_core_knows_neither_django_nor_models_nor_its_neighbors(part: str) -> None:
    foreign = ("django", "enterprise.models", *(f"enterprise.{p}" for p in PURE if p != part))
    for path in modules(f"enterprise/{part}"):
        for name in imports(path):
            assert not name.startswith(foreign), path


@pytest.mark.parametrize("package", ["enterprise", "licsync"])
def test_the_product_never_imports_the_sandbox(package: str) -> None:
    for path in modules(package):
        assert not any(name.split(".")[0] in ("sandbox", "tests") for name in imports(path)), path


def test_the_plumbing_names_the_domain_only_in_settings_and_urls() -> None:
    for path in modules("licsync"):
        if path.name not in ("settings.py", "urls.py"):
            assert not any(name.startswith("enterprise") for name in imports(path)), path

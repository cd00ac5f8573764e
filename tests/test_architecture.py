"""The import graph and the names of the package: no cycles, no name twice, no vague names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import grimp

import facsim

PACKAGE = Path(facsim.__file__).parent
VAGUE = frozenset(
    {"words", "wording", "scene", "drawing", "asking", "cards", "frame", "chat", "cache"}
    | {"utils", "helpers", "misc", "common", "stuff"}
)
"""Module names that tell a reader nothing about their content."""
SAME_NAME_IN_TWO_ROOMS = frozenset(
    # A verb of the command line and the module that does the work.
    {
        "audit",
        "compare",
        "evaluate",
        "ingest",
        "record",
        "report",
        "rollout",
        "scrub",
        "simplify",
        "synthesize",
    }
    # Names that their package makes clear.
    | {
        "build",
        "config",
        "errors",
        "estimate",
        "export",
        "figures",
        "options",
        "predictor",
        "reference",
        "registry",
    }
    | {"replay", "server", "store", "validation", "web"}
)


def import_cycles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components with more than one module (Tarjan), each sorted.

    >>> import_cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    [['b', 'c']]
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for imported in sorted(imports[module]):
            if imported not in order:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in stack:
                lowest[module] = min(lowest[module], order[imported])
        if lowest[module] == order[module]:
            component = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(component) > 1:
                found.append(sorted(component))

    for module in sorted(imports):
        if module not in order:
            visit(module)
    return found


def classes_by_name() -> dict[str, list[str]]:
    """The modules that define each public class at top level."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.relative_to(PACKAGE)))
    return found


def test_the_search_for_cycles_finds_one() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert import_cycles(graph) == [["d", "e"], ["a", "b", "c"]]
    assert import_cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions and for type checkers count, too."""
    graph = grimp.build_graph("facsim", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert len(imports) > 200
    assert import_cycles(imports) == []


def test_no_public_class_name_is_used_twice() -> None:
    twice = {name: files for name, files in classes_by_name().items() if len(files) > 1}
    assert twice == {}


def test_module_names_are_clear() -> None:
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        if not file.stem.startswith("__"):
            rooms[file.stem].append(str(file.parent.relative_to(PACKAGE)))
    assert not rooms.keys() & VAGUE
    twice = {name for name, where in rooms.items() if len(where) > 1}
    assert twice <= SAME_NAME_IN_TWO_ROOMS

"""Import the public names of a package on first use."""

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def lazy(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package (PEP 562).

    The names are those that the package imports for type checkers, so each is written once.

    Args:
        package: the package's `__name__`.
        file: its `__file__`.
    """

    @functools.cache
    def homes() -> dict[str, str]:
        import ast  # not before a name is asked for: it takes milliseconds

        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        return {
            alias.name: str(node.module)
            for block in tree.body
            if isinstance(block, ast.If)
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def find(name: str) -> Any:
        if name not in homes():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(homes()[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find, lambda: sorted(homes())

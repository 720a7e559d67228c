"""Makes the reference of the Python names from their docstrings: `make docs`, docs/api/index.html.

It ends with an error where a public name has no docstring, or a docstring names what is not there.
"""

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pdoc
from pdoc import doc, render

import search
from search.runtime import tensorflow_setup

# What people write against. `search` itself shows the names that `import search` gives.
MODULES = (
    "search",
    *("search.problem", "search.space", "search.data", "search.kerastuner"),
    *("search.tuning", "search.results", "search.estimator", "search.errors"),
    *("search.backends.base", "search.executors.base", "search.trackers.base"),
    *("search.training.base", "search.training.callbacks", "search.datasets.base"),
    *("search.study.trial", "search.export.predict"),
    *("dashboards.tables.frames", "dashboards.tables.tables"),
    *("dashboards.analysis.importance",),
    *(
        f"dashboards.figures.{path.stem}"
        for path in sorted((Path(search.__file__).parents[1] / "dashboards/figures").glob("*.py"))
        if path.stem != "__init__"
    ),
)
TO = Path(__file__).parent / "api"
# a name in backticks that begins with one of ours
_NAMED = re.compile(r"`((?:search|dashboards|spaces)(?:\.\w+)+)`")


def write(to: Path) -> None:
    """Write the pages: one for each module, an index, and what its search needs."""
    render.configure(
        docformat="markdown",
        show_source=False,
        footer_text=f"keras-hyperparameter-search {search.__version__}",
    )
    pdoc.pdoc("search", r"!search\..*", *MODULES[1:], output_directory=to)


def mistakes() -> list[str]:
    """Public classes, functions and properties without a docstring, and names that lead nowhere."""
    found = []
    for name in MODULES:
        for member in _members(doc.Module(importlib.import_module(name))):
            if not member.docstring:
                found.append(f"{member.fullname} has no docstring; say what it is for")
            found += [
                f"{member.fullname} names `{target}`, which is not there; correct it"
                for target in _NAMED.findall(member.docstring)
                if not _exists(target)
            ]
    return sorted(set(found))


def _members(thing: doc.Doc) -> Iterator[doc.Doc]:
    """The module or class, and what it defines of its own that has a docstring by the house rules.

    Constructors are described by their class, fields too.
    """
    yield thing
    if not isinstance(thing, doc.Namespace):
        return
    for member in thing.own_members:
        if member.name.startswith("_"):
            continue
        if isinstance(member, doc.Class | doc.Function):
            yield from _members(member)
        elif isinstance(inspect.getattr_static(thing.obj, member.name, None), property):
            yield member


def _exists(target: str) -> bool:
    """Whether there is such a module, or such a name in one."""
    words = target.split(".")
    for count in range(len(words), 0, -1):
        try:
            thing = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        try:
            for word in words[count:]:
                thing = getattr(thing, word)
        except AttributeError:
            return False
        return True
    return False


def main() -> None:
    """Write the pages, or say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=TO)
    options = parser.parse_args()
    tensorflow_setup.quieten()
    # pandas-stubs has `Series[float]`, pandas 3.1 has not; pdoc evaluates annotations
    pd.Series.__class_getitem__ = classmethod(lambda kind, _: kind)  # type: ignore[attr-defined]
    for module in map(importlib.import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))  # pdoc does not ask for lazy names
    wrong = mistakes()
    if wrong:
        sys.exit("\n".join(wrong))
    write(options.to)


if __name__ == "__main__":
    main()

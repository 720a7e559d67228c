"""A problem: what is tuned. Data, a function that builds the model, a space, an objective."""

import ast
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from search.errors import SpaceError, UsageError, unknown_name
from search.objective import Objective
from search.parameters import Int, Params
from search.space import Space

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the data: `x: (n, ...)` and `y: (n, ...)`, arrays of equal length n."""

    x: "np.ndarray[Any, Any]"
    y: "np.ndarray[Any, Any]"


@dataclass(frozen=True, slots=True)
class Data:
    """Training, validation and test parts, as a client of the finished model would feed them.

    `test` is touched once, by the winner. `class_names[k]` says what label k means.
    """

    train: Part
    validation: Part
    test: Part | None = None
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is tuned.

    `load(data_dir)` gives the data (`data_dir`: where the user said they lie, or None).
    `build(params)` gives a compiled `keras.Model` that takes the raw inputs of `Data`: scaling
    belongs inside it. `baseline` are the settings in use today: trial 0 of every study. Where the
    space has an Int named "epochs" it is the number of epochs; one named "batch_size" is the batch
    size, else `batch_size` here. `patience`: epochs without improvement before a trial stops.

    Raises: SpaceError when the baseline does not lie in the space.
    """

    name: str
    space: Space
    objective: Objective
    load: Callable[[Path | None], Data]
    build: Callable[[Params], "keras.Model"]
    baseline: Params | None = None
    batch_size: int = 32
    patience: int | None = 3
    max_epochs: int = 9
    trials: int = 20
    description: str = ""

    def __post_init__(self) -> None:
        if self.baseline is not None:
            try:
                self.space.check(self.baseline)
            except SpaceError as error:
                raise SpaceError(f"baseline of {self.name}: {error}") from error
        epochs = next((p for p in self.space.parameters if p.name == "epochs"), None)
        if epochs is not None and not (isinstance(epochs, Int) and epochs.low >= 1):
            raise SpaceError(f"epochs: must be an Int with low >= 1, got {epochs!r}; use Int")


@dataclass(frozen=True, slots=True)
class LoadedProblem:
    """A problem, the word it was asked for by, and a digest of the files that define it."""

    word: str
    problem: Problem
    source_digest: str


def names() -> list[str]:
    """The problems in `spaces/`: one per file whose name has no leading underscore."""
    package = importlib.import_module("spaces")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(word: str) -> LoadedProblem:
    """The problem that a word on the command line means.

    `word`: a file name in `spaces/`, a path to a `.py` file, or `package.module:NAME`.

    Raises: UsageError when there is no such problem, naming the nearest one, or when the file
    defines none.
    """
    attribute = "PROBLEM"
    if word.endswith(".py"):
        module = _from_path(Path(word))
    elif ":" in word:
        target, _, attribute = word.partition(":")
        module = _imported(target, word)
    elif word in names():
        module = importlib.import_module(f"spaces.{word}")
    else:
        raise unknown_name("problem", word, names())
    problem = getattr(module, attribute, None)
    if not isinstance(problem, Problem):
        raise UsageError(f"{word}: must define {attribute} = Problem(...), got {problem!r}; add it")
    return LoadedProblem(word, problem, _source_digest(module))


def _from_path(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"problem file must exist, got {str(path)!r}; check the path")
    name = f"search_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"problem file must be Python source, got {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _imported(target: str, word: str) -> ModuleType:
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        raise UsageError(f"problem {word!r}: {error}; check package.module:NAME") from error


def _source_digest(module: ModuleType) -> str:
    """SHA-256 of the problem's file and of the files beside it that it imports, in turn."""
    todo = [Path(str(module.__file__))]
    seen: dict[Path, bytes] = {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        for node in ast.walk(ast.parse(seen[path])):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported += [f"{node.module or ''}.{alias.name}" for alias in node.names]
            beside = (path.parent / f"{name.rpartition('.')[2]}.py" for name in imported)
            todo += [candidate for candidate in beside if candidate.is_file()]
    digest = hashlib.sha256()
    for path in sorted(seen):
        digest.update(path.name.encode() + b"\0" + seen[path] + b"\0")
    return digest.hexdigest()

"""Find a problem by its word on the command line, and the source files that define it."""

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from search.errors import SearchError, UsageError, unknown_name
from search.problem.problem import Problem

if TYPE_CHECKING:
    pass


_PLATFORM = ("search", "dashboards")


@dataclass(frozen=True, slots=True)
class ResolvedProblem:
    """Problem with the source files that define it.

    Attributes:
        word: Word that named the problem on the command line.
        problem: The problem.
        source_digest: SHA-256 of the source files.
        sources: Names and contents of the source files, the problem's file first. They are in its
            folder and subfolders.
        earlier_digest: Digest without subfolders, as earlier versions recorded it.
    """

    word: str
    problem: Problem
    source_digest: str
    sources: tuple[tuple[str, bytes], ...]
    earlier_digest: str | None = None

    def has_digest(self, recorded: str) -> bool:
        """Return whether `recorded`, from the header of a study, is a digest of these files."""
        return recorded in (self.source_digest, self.earlier_digest)


def names() -> list[str]:
    """Return the names of the problems in `spaces/`: files without a leading underscore."""
    package = importlib.import_module("spaces")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(word: str) -> ResolvedProblem:
    """Load a problem by its word.

    Args:
        word: A name of a file in `spaces/`, a path to a `.py` file, or `package.module:NAME`. The
            folder of a `.py` file is added to `sys.path`, so that `build` can import from it
            later.

    Returns:
        The problem and its source files.

    Raises:
        UsageError: The problem does not exist (the message has the nearest name), the file defines
            no problem, or its import fails (the message has file and line).
    """
    attribute = "PROBLEM"
    if word.endswith(".py"):
        path = Path(word).absolute()
        if not path.is_file():
            raise UsageError(f"Problem file {word!r} does not exist. Check the path.")
        with _named(word):
            module = _from_path(path)
    elif word.startswith("<"):
        raise UsageError(
            f"Problem {word} is defined in Python code, not in a file. Continue from Python with "
            "search.resume(STUDY, problem) or search.load(STUDY, problem=problem)."
        )
    elif ":" in word:
        target, _, attribute = word.partition(":")
        with _named(word):
            module = importlib.import_module(target)
    elif word in names():
        with _named(word):
            module = importlib.import_module(f"spaces.{word}")
    else:
        raise unknown_name("problem", word, names())
    problem = getattr(module, attribute, None)
    if not isinstance(problem, Problem):
        raise UsageError(
            f"{word} must define {attribute} = Problem(...), but {attribute} is {problem!r}. Add "
            "the definition."
        )
    with _named(word):
        file = Path(str(module.__file__))
        files, same_folder = sources(file), sources(file, nested=False)
    return ResolvedProblem(word, problem, digest(files), files, digest(same_folder))


def word_of(name: str) -> str:
    """Return the word of a problem that is defined in Python code.

    >>> word_of("mine")
    '<mine>'
    """
    return f"<{name}>"


def _from_path(path: Path) -> ModuleType:
    name = f"search_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no Python source: {path}")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        # first, as for a script: files in its folder shadow installed packages
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _named(word: str) -> Iterator[None]:
    """Turn any error of a problem's import into a UsageError with file and line."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a problem file is the user's code: anything may come
        # str() of a SyntaxError would repeat file and line
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        reason = f"{type(error).__name__}: {' '.join(message.split())}"
        where = _location(error)
        if isinstance(error, SearchError) and where is not None:
            raise UsageError(f"{where}: {error}") from error
        if where is None:
            remedy = "the path" if word.endswith(".py") else "package.module:NAME"
            raise UsageError(
                f"Cannot import problem {word!r}: {reason}. Check {remedy}."
            ) from error
        raise UsageError(f"{where}: the import failed with {reason}. Correct it.") from error


def _location(error: BaseException) -> str | None:
    """Return the user's file and line that an error comes from; None if no file was reached.

    It is the innermost call in the problem's folder, not the one inside a library.
    """
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}, line {error.lineno}" if error.lineno else error.filename
    machinery = (__file__, importlib.__file__)
    calls = [
        call
        for call in traceback.extract_tb(error.__traceback__)
        if call.filename not in machinery and Path(call.filename).is_file()
    ]
    if not calls:
        return None
    folder = Path(calls[0].filename).parent
    inner = [call for call in calls if Path(call.filename).parent == folder]
    return f"{inner[-1].filename}, line {inner[-1].lineno}"


def sources(file: Path, *, nested: bool = True) -> tuple[tuple[str, bytes], ...]:
    """Return the problem's file and the files of its folder that it imports, also indirectly.

    Args:
        file: The problem's file.
        nested: Include files in subfolders. Earlier versions did not.

    Returns:
        Pairs of a path, relative to the folder of the problem's file, and the content.
    """
    root = file.parent
    todo = [file]
    contents: dict[Path, bytes] = {}
    while todo:
        path = todo.pop()
        if path in contents:
            continue
        contents[path] = path.read_bytes()
        for name in _imported(ast.parse(contents[path], filename=str(path))):
            todo += [found for found in _candidates(path, root, name, nested) if found.is_file()]
    return tuple((path.relative_to(root).as_posix(), text) for path, text in contents.items())


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield dotted names that may be modules, without the dots of relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)


def _candidates(path: Path, root: Path, name: str, nested: bool) -> Iterator[Path]:
    parts = name.split(".")
    yield path.parent / f"{parts[-1]}.py"
    if not nested or parts[0] in _PLATFORM:
        return
    for folder in {path.parent, root}:
        for depth in range(1, len(parts) + 1):
            module = folder.joinpath(*parts[:depth])
            yield module.with_name(f"{module.name}.py")
            yield module / "__init__.py"


def digest(sources: tuple[tuple[str, bytes], ...]) -> str:
    """Return the SHA-256 of the files' names and contents, independent of their folder."""
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()

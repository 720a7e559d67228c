"""Find the problem that a word on the command line names, and the source files that define it."""

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
    """A problem, the word it was asked for by, and the files that define it, its own first.

    `sources`: names and contents, in one folder and its subfolders; `source_digest`: one over all
    of them; `earlier_digest`: the same without subfolders, as earlier versions recorded it.
    """

    word: str
    problem: Problem
    source_digest: str
    sources: tuple[tuple[str, bytes], ...]
    earlier_digest: str | None = None

    def has_digest(self, recorded: str) -> bool:
        """Whether these are the files of a study whose header has this digest."""
        return recorded in (self.source_digest, self.earlier_digest)


def names() -> list[str]:
    """The problems in `spaces/`: one per file whose name has no leading underscore."""
    package = importlib.import_module("spaces")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(word: str) -> ResolvedProblem:
    """The problem that a word on the command line means.

    `word`: a file name in `spaces/`, a path to a `.py` file, or `package.module:NAME`. The folder
    of a `.py` file stays importable in this process, as that of a script is: `build` may import
    from it late.

    Raises: UsageError when there is no such problem, naming the nearest one; when the file defines
    none; or when it cannot be imported, naming file and line.
    """
    attribute = "PROBLEM"
    if word.endswith(".py"):
        path = Path(word).absolute()
        if not path.is_file():
            raise UsageError(f"problem file must exist, got {word!r}; check the path")
        with _named(word):
            module = _from_path(path)
    elif word.startswith("<"):
        raise UsageError(
            f"problem {word} was given from Python and lies in no file; go on there, with "
            "search.resume(STUDY, problem) or search.load(STUDY, problem=problem)"
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
        raise UsageError(f"{word}: must define {attribute} = Problem(...), got {problem!r}; add it")
    with _named(word):
        file = Path(str(module.__file__))
        files, beside = sources(file), sources(file, nested=False)
    return ResolvedProblem(word, problem, digest(files), files, digest(beside))


def word_of(name: str) -> str:
    """What stands for a problem that was given from Python where others have their word.

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
        # in front, as for a script: the file's neighbours go before what is installed
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
    """Make whatever ends the import of a problem one line that names its place."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a problem file is the user's code: anything may come
        # str() of a SyntaxError would repeat the place
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        reason = f"{type(error).__name__}: {' '.join(said.split())}"
        place = _place(error)
        if isinstance(error, SearchError) and place is not None:
            raise UsageError(f"{place}: {error}") from error
        if place is None:
            remedy = "check the path" if word.endswith(".py") else "check package.module:NAME"
            raise UsageError(
                f"problem {word!r} must be importable, got {reason}; {remedy}"
            ) from error
        raise UsageError(f"{place}: must be importable, got {reason}; correct it") from error


def _place(error: BaseException) -> str | None:
    """The file and line of the user's that an error comes from; None where no file was reached.

    That is the innermost call in the problem's own folder, not the library's that it led to.
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
    own = [call for call in calls if Path(call.filename).parent == folder]
    return f"{own[-1].filename}, line {own[-1].lineno}"


def sources(file: Path, *, nested: bool = True) -> tuple[tuple[str, bytes], ...]:
    """Return the problem's file and the files of its folder that it imports, directly or not.

    Names are relative to the folder of the problem's file. `nested`: files in its subfolders too,
    which studies of earlier versions did not look at.
    """
    root = file.parent
    todo = [file]
    seen: dict[Path, bytes] = {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        for name in _imported(ast.parse(seen[path], filename=str(path))):
            todo += [found for found in _candidates(path, root, name, nested) if found.is_file()]
    return tuple((path.relative_to(root).as_posix(), content) for path, content in seen.items())


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names that may be modules, without the dots of relative imports."""
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
    """SHA-256 of the files, whatever folder they lie in."""
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()

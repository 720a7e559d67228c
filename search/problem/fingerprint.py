"""Digest of code that is not in a problem file: over its source text, or over its bytecode.

Equal code has equal digests in every process; pickles of equal code can differ.
"""

import builtins
import dataclasses
import functools
import hashlib
import inspect
import sys
import sysconfig
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from search.problem.loading import digest as digest_of_files
from search.problem.loading import sources
from search.space.space import Space

_SCALARS = (type(None), bool, int, float, complex, str, bytes)


def digest(value: Any) -> str:
    """Return the SHA-256 of a value, such as a problem.

    The digest covers the text of the user's functions and classes and everything they refer to:
    functions, classes, constants, closures, arrays. Code in a file of the user is covered by the
    whole file and the files of its folder that it imports, library code by its name. Of other
    objects, only the class is covered; data have a separate digest.
    """
    return hashlib.sha256(b"\0".join(_Reader().words(value))).hexdigest()


class _Reader:
    """Reader of values that reads each function, class and module once."""

    def __init__(self, path: Sequence[int] = ()) -> None:
        self._read: set[int] = set()
        self._path = [*path]

    def words(self, value: Any) -> Iterator[bytes]:
        """Yield words for a value that are equal in every process."""
        if isinstance(value, _SCALARS):
            yield repr(value).encode()
        elif isinstance(value, FunctionType | type | ModuleType):
            yield _name(value)
            if id(value) not in self._read:
                self._read.add(id(value))
                yield from self._definition(value)
        elif id(value) not in self._path:  # an object that contains itself
            self._path.append(id(value))
            yield from self._object(value)
            self._path.pop()

    def _definition(self, value: FunctionType | type | ModuleType) -> Iterator[bytes]:
        module = value if isinstance(value, ModuleType) else sys.modules.get(value.__module__)
        file = home(module)
        if file is not None:
            yield digest_of_files(sources(file)).encode()
        own = module is None or module.__name__ == "__main__"
        if isinstance(value, FunctionType):
            yield from self._function(value, own=own)
        elif isinstance(value, type) and own:
            yield from self._all(value.__bases__)
            members = vars(value)
            for name in sorted(members):
                if not name.startswith("__") or isinstance(members[name], FunctionType):
                    yield name.encode()
                    yield from self.words(members[name])

    def _function(self, function: FunctionType, *, own: bool) -> Iterator[bytes]:
        # a library's function may refer to a function of the user
        yield from self._all(function.__defaults__ or ())
        for cell in function.__closure__ or ():
            yield from self.words(cell.cell_contents if _filled(cell) else "empty")
        if not own:
            return
        yield from _text(function)
        variables = function.__globals__
        for name in sorted(names(function.__code__)):
            if name in variables and name not in vars(builtins):
                yield name.encode()
                yield from self.words(variables[name])

    def _object(self, value: Any) -> Iterator[bytes]:
        yield _name(type(value))
        if isinstance(value, Space):
            yield from self.words(value.describe())
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from self.words(key)
                yield from self.words(item)
        elif isinstance(value, list | tuple):
            yield from self._all(value)
        elif isinstance(value, set | frozenset):
            # sorted by an independent reader: self emits a definition only at its first use
            items = sorted(value, key=lambda item: b"\0".join(_Reader(self._path).words(item)))
            yield from sorted(b"\0".join(self.words(item)) for item in items)
        elif isinstance(value, functools.partial):
            yield from self._all((value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            yield from self._all((value.__func__, value.__self__))
        elif isinstance(value, staticmethod | classmethod):
            yield from self.words(value.__func__)
        elif isinstance(value, property):
            yield from self._all((value.fget, value.fset))
        elif isinstance(value, BuiltinFunctionType):
            yield value.__qualname__.encode()
        elif dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield field.name.encode()
                yield from self.words(getattr(value, field.name))
        else:
            yield from self._other(value)

    def _other(self, value: Any) -> Iterator[bytes]:
        try:
            view = memoryview(value)  # an array
            yield f"{view.format} {view.shape}".encode()
            yield hashlib.sha256(view.tobytes()).digest()
            return
        except (TypeError, ValueError, BufferError):
            pass
        yield from self.words(type(value))
        module = sys.modules.get(type(value).__module__)
        if module is None or module.__name__ == "__main__" or home(module) is not None:
            yield from self.words(getattr(value, "__dict__", {}))

    def _all(self, values: Iterable[Any]) -> Iterator[bytes]:
        for value in values:
            yield from self.words(value)


def _name(value: Any) -> bytes:
    if isinstance(value, ModuleType):
        return value.__name__.encode()
    return f"{value.__module__}.{value.__qualname__}".encode()


def home(module: ModuleType | None) -> Path | None:
    """Return the file of a user's module; None for a library's module and for `__main__`."""
    if module is None or module.__name__ == "__main__" or not module.__dict__.get("__file__"):
        return None
    if module.__name__.partition(".")[0] in ("search", *sys.stdlib_module_names):
        return None
    file = Path(str(module.__file__)).absolute()
    libraries = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}
    # an environment may use the packages of another one
    if "site-packages" in file.parts or any(file.is_relative_to(path) for path in libraries):
        return None
    return file if file.suffix == ".py" else None


def _text(function: FunctionType) -> Iterator[bytes]:
    try:
        yield textwrap.dedent(inspect.getsource(function)).encode()
    except (OSError, TypeError):  # typed into a prompt, or made by exec
        yield from _bytecode(function.__code__)


def _bytecode(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _bytecode(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()


def names(code: CodeType) -> set[str]:
    """Return the names of globals and attributes in the code, inner functions included."""
    inner = [names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a variable that has no value yet
        return False

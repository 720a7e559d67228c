"""Detect user functions that draw from a random generator without a seed."""

import ast
import functools
import inspect
import random
import sys
import textwrap
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from search.problem import fingerprint
from search.problem.loading import sources

_GENERATORS = ("default_rng", "RandomState", "Random", "PCG64", "MT19937", "SFC64", "Philox")
_NEVER_SEEDED = ("SystemRandom", "urandom", "getrandbits", "uuid4", "token_bytes")


def is_unseeded(function: Any) -> bool:
    """Return whether its files make a generator without a seed, or it holds a generator.

    A generator that is held, in a closure or by a global name, keeps its state from call to call.
    """
    found = _plain(function)
    return found is not None and (_holds_generator(found) or any(map(_is_unseeded, _calls(found))))


def _plain(function: Any) -> FunctionType | None:
    """Return the user's function in partial functions, methods and callable objects."""
    if isinstance(function, functools.partial):
        return _plain(function.func)
    if isinstance(function, MethodType):
        return _plain(function.__func__)
    if isinstance(function, FunctionType):
        inner = inspect.unwrap(function)
        return inner if isinstance(inner, FunctionType) else function
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the method itself is wanted
    return call if isinstance(call, FunctionType) else None


def _holds_generator(function: FunctionType) -> bool:
    import numpy as np

    kinds = (random.Random, np.random.Generator, np.random.RandomState)
    known = function.__globals__
    named = [known[n] for n in fingerprint.names(function.__code__) if n in known]
    closed = inspect.getclosurevars(function).nonlocals.values()
    return any(isinstance(value, kinds) for value in [*named, *closed])


def _calls(function: FunctionType) -> Iterator[ast.Call]:
    """The calls in the file of a function and those that it imports, else in the function alone."""
    file = fingerprint.home(sys.modules.get(function.__module__))
    try:
        if file is None:
            texts: list[str | bytes] = [textwrap.dedent(inspect.getsource(function))]
        else:
            texts = [content for name, content in sources(file) if name.endswith(".py")]
        trees = [ast.parse(text) for text in texts]
    except (OSError, TypeError, SyntaxError):  # typed into a prompt, or made by exec
        return
    nodes = (node for tree in trees for node in ast.walk(tree))
    yield from (node for node in nodes if isinstance(node, ast.Call))


def _is_unseeded(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in _NEVER_SEEDED:
        return True
    given = [*call.args, *(word.value for word in call.keywords)]
    empty = all(isinstance(value, ast.Constant) and value.value is None for value in given)
    return name in _GENERATORS and empty

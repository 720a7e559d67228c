"""The samplers and pruners of each backend, and whether its library is installed."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import NoReturn

from search.backends.base import module, names
from search.errors import UsageError, unknown_name


def samplers(backend: str) -> Mapping[str, tuple[str, ...]]:
    """Return the values of --sampler, the default first, each with the settings only it accepts."""
    found: Mapping[str, tuple[str, ...]] = getattr(module(backend), "SAMPLERS", {})
    return found


def pruners(backend: str) -> tuple[str, ...]:
    """Return the values of --pruner, the default first."""
    found: tuple[str, ...] = getattr(module(backend), "PRUNERS", ())
    return found


def install_command(backend: str) -> str | None:
    """Return the command that installs the backend's missing library; None if none is missing."""
    extra: str | None = getattr(module(backend), "EXTRA", None)
    if extra is None or importlib.util.find_spec(extra) is not None:
        return None
    return f"pip install -c constraints.txt -e '.[{extra}]'"


def require(backend: str) -> None:
    """Check that the library of a backend is installed in this process, which makes the proposals.

    Raises: UsageError with the command that installs the library.
    """
    command = install_command(backend)
    if command is not None:
        raise UsageError(
            f"backend {backend} needs an optional library that is not installed. Run {command}"
        )


def check(
    backend: str, sampler: str | None, pruner: str | None, own: Mapping[str, object | None]
) -> None:
    """Check before data are loaded that the backend has the sampler, the pruner and the settings.

    `own`: values of settings that only some samplers accept, by name; None if not given.

    Raises: UsageError for an unknown backend, for a sampler or pruner that the backend does not
    have, and for a setting that the sampler does not accept.
    """
    known = samplers(backend)
    _check_word("sampler", sampler, backend, {name: tuple(samplers(name)) for name in names()})
    _check_word("pruner", pruner, backend, {name: pruners(name) for name in names()})
    chosen = sampler or next(iter(known), None)
    for name, value in own.items():
        if value is not None and (chosen is None or name not in known[chosen]):
            _refuse_setting(name, backend, chosen)


def _check_word(
    kind: str, word: str | None, backend: str, offered: Mapping[str, Sequence[str]]
) -> None:
    if word is None or word in offered[backend]:
        return
    elsewhere = [name for name, words in offered.items() if word in words]
    if elsewhere:
        raise UsageError(
            f"--{kind} {word} can only be used with --backend {' or '.join(elsewhere)}, but this "
            f"run uses --backend {backend}. Change one of the two options."
        )
    if offered[backend]:
        raise unknown_name(kind, word, offered[backend])
    having = [name for name, words in offered.items() if words]
    raise UsageError(
        f"--{kind} can only be used with --backend {' or '.join(having)}, but this run uses "
        f"--backend {backend}. Remove --{kind}, or change the backend."
    )


def _refuse_setting(name: str, backend: str, chosen: str | None) -> NoReturn:
    where = [
        f"--backend {other} --sampler {word}"
        for other in names()
        for word, settings in samplers(other).items()
        if name in settings
    ]
    got = f"--backend {backend}" + (f" --sampler {chosen}" if chosen else "")
    raise UsageError(
        f"--{name} can only be used with {' or '.join(where)}, but this run uses {got}. Remove "
        f"--{name}, or change the other options."
    )

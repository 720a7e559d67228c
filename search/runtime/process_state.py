"""The state of the process around a trial: compared before and after, and restored."""

import contextlib
import functools
import gc
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from search.errors import SearchWarning
from search.runtime.keras_configuration import KerasConfiguration, session, set_session

_STREAMS = (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w"))


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the whole process that user code may change.

    `write` raises an Exception if the value cannot be restored.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]


class TrialProcess:
    """The process of one trial: within a `with` block, it is as the trial has set it.

    Outside, between two epochs as after the last one, it is as it was before. A warning names what
    the trial has changed, once for all trials with the same `said`.
    """

    def __init__(
        self, trial: str, configuration: KerasConfiguration | None, said: set[str]
    ) -> None:
        self._trial = trial
        self._configuration = configuration
        self._said = said
        self._keras: KerasConfiguration | None = None
        self._outside: KerasConfiguration | None = None
        self._session: Any = None  # the trial's while it is outside, the other while it is inside
        self._before: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}
        self._modules = 0
        self._threads: list[threading.Thread] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        _keep_streams_open()
        self._before = read_settings()
        self._outside, session_outside = KerasConfiguration.noted(), session()
        self._modules = len(sys.modules)
        write_settings(self._changed)
        set_session(self._session)
        self._session = session_outside
        if self._keras is not None:
            self._keras.apply()
        self._stack.enter_context(_noting_threads(self._threads))

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        after = read_settings()
        changed = {n: v for n, v in after.items() if v != self._before[n]}
        new = changed.keys() - self._changed.keys()
        self._changed = changed
        failed = write_settings({name: self._before[name] for name in changed})
        self._keras = KerasConfiguration.noted()
        session_inside = session()
        set_session(self._session)
        self._session = session_inside
        if self._outside is not None:
            self._outside.apply()
        if len(sys.modules) > self._modules:
            new -= _BY_IMPORTS
        self._say(new - failed, "changed {}, which is restored")
        self._say(new & failed, "changed {}, which cannot be restored")

    def end(self) -> None:
        """Name what the trial changed in Keras, and the threads that it leaves running."""
        if self._keras is not None and self._configuration is not None:
            names = self._keras.differences(self._configuration)
            self._say({f"Keras's {name}" for name in names}, "changed {}, which is restored")
        running = {t.name for t in self._threads if t.is_alive() and not t.daemon}
        self._say({f"thread {name}" for name in running}, "leaves {} running")

    def _say(self, names: set[str], text: str) -> None:
        names = names - self._said
        self._said |= names
        if names:
            what = text.format(" and ".join(sorted(names)))
            warnings.warn(
                f"trial {self._trial} {what}: a trial must not change the process for others. Set "
                "it at the top of the problem's file, or undo it where it is done",
                SearchWarning,
                stacklevel=3,
            )


def read_settings() -> dict[str, Any]:
    """Return what this process is set to now, by the name of each setting."""
    return {setting.name: setting.read() for setting in _SETTINGS}


def write_settings(values: Mapping[str, Any]) -> set[str]:
    """Set the process to these values; return the names of those that cannot be set."""
    failed = set()
    for setting in _SETTINGS:
        if setting.name in values:
            try:
                setting.write(values[setting.name])
            except Exception:  # noqa: BLE001 - whatever it is, the trials go on with what there is
                failed.add(setting.name)
    return failed


@contextlib.contextmanager
def left_as_it_was() -> Iterator[None]:
    """Restore on exit all settings of the caller's process that the block has changed."""
    before, keras, keras_session = read_settings(), KerasConfiguration.noted(), session()
    draws = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(draws[0])
        np.random.set_state(draws[1])
        write_settings({n: before[n] for n, value in read_settings().items() if value != before[n]})
        set_session(keras_session)
        if keras is not None:
            keras.apply()


@contextlib.contextmanager
def _noting_threads(started: list[threading.Thread]) -> Iterator[None]:
    """Note the threads that this thread starts within the block."""
    start, here = threading.Thread.start, threading.get_ident()

    def noted(thread: threading.Thread) -> None:
        if threading.get_ident() == here:
            started.append(thread)
        start(thread)

    threading.Thread.start = noted  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]


def _write_environment(values: dict[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _read_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was deleted
        return ""


def _read_filters() -> Any:
    return tuple(warnings.filters), warnings.showwarning


def _write_filters(values: Any) -> None:
    warnings.filters[:], warnings.showwarning = values  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]  # the cache of each module


def _read_file_limit() -> Any:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def _write_file_limit(values: Any) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, values)


def _read_streams() -> Any:
    """Which objects the streams are, whether they are closed, and which files they lead to."""
    return tuple(
        (getattr(sys, name), getattr(getattr(sys, name), "closed", False), _file(number))
        for name, number, _ in _STREAMS
    )


def _file(number: int) -> Any:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@functools.cache
def _copies() -> dict[Any, int]:
    """Copies of the files of the standard streams, by what `_file` gives for them."""
    return {}


def _keep_streams_open() -> None:
    for _, number, _ in _STREAMS:
        file = _file(number)
        if file is not None and file not in _copies():
            _copies()[file] = os.dup(number)


def _write_streams(values: Any) -> None:
    for (name, number, mode), (stream, closed, file) in zip(_STREAMS, values, strict=True):
        if file is not None and _file(number) != file:
            os.dup2(_copies()[file], number)
        if getattr(stream, "closed", False) and not closed:
            stream = open(number, mode, closefd=False)  # noqa: SIM115 - it stays open
            setattr(sys, f"__{name}__", stream)
        setattr(sys, name, stream)


def _read_signals() -> Any:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _write_signals(values: Any) -> None:
    for number, handler in values.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


_SIGNALS = tuple(sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))


def _read_numpy() -> Any:
    return np.geterr(), np.get_printoptions()


def _write_numpy(values: Any) -> None:
    np.seterr(**values[0])
    np.set_printoptions(**values[1])


def _read_logging() -> Any:
    root = logging.getLogger()
    return root.level, tuple(root.handlers), logging.root.manager.disable


def _write_logging(values: Any) -> None:
    root = logging.getLogger()
    root.setLevel(values[0])
    root.handlers[:] = values[1]
    logging.disable(values[2])


def _write_collection(values: Any) -> None:
    enabled, thresholds = values
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*thresholds)


# What the import of a library changes too, which is no user's doing.
_BY_IMPORTS = {"environment variables", "warning filters", "logging", "NumPy's options"}
_SETTINGS = (
    Setting("environment variables", lambda: dict(os.environ), _write_environment),
    Setting("the working directory", _read_folder, os.chdir),
    Setting("warning filters", _read_filters, _write_filters),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("the limit of open files", _read_file_limit, _write_file_limit),
    Setting("standard streams", _read_streams, _write_streams),
    Setting("signal handlers", _read_signals, _write_signals),
    Setting("the socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
    Setting("NumPy's options", _read_numpy, _write_numpy),
    Setting(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda value: locale.setlocale(locale.LC_ALL, value),
    ),
    Setting("logging", _read_logging, _write_logging),
    Setting("garbage collection", lambda: (gc.isenabled(), gc.get_threshold()), _write_collection),
)

"""The end of a process in which threads may still be at work."""

import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from search.errors import StudyInterrupted

IMPORTS = "imports"  # the name of a thread that imports libraries in the background
_IMPORTER = "<frozen importlib._bootstrap>"


def ending_at_once(main: Callable[[], int]) -> int:
    """Return what `main` returns, the exit code of this process, once it is safe to end.

    A daemon thread that is importing TensorFlow while the interpreter is taken apart would end the
    process by a segmentation fault. So would functions that a library has registered with `atexit`
    before its import is over. Where a thread is importing, the process ends without those; where
    another thread is left, they are called and the interpreter is not taken apart. So it is after
    an interrupt, which may have left a library of C code half imported.
    """
    codes = [1]
    # the first one that is registered is called last
    atexit.register(lambda: _must_leave(codes[0]) and _leave(codes[0]))
    try:
        codes[0] = main()
    except SystemExit as ended:
        codes[0] = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if _is_importing() and isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        raise
    except BaseException:
        if _is_importing():
            sys.excepthook(*sys.exc_info())
        raise
    finally:
        if _is_importing():
            close()
            _leave(codes[0])
    return codes[0]


def _must_leave(code: int) -> bool:
    return threading.active_count() > 1 or code == StudyInterrupted.exit_code


def close_at_end(function: Callable[[], object]) -> None:
    """Call a function when this process ends, also where `atexit` is passed over."""
    if not _to_close():
        atexit.register(close)
    _to_close().append(function)


def close() -> None:
    """Call what `close_at_end` was given."""
    functions = _to_close()
    while functions:
        functions.pop()()


@functools.cache
def _to_close() -> list[Callable[[], object]]:
    return []


def _is_importing() -> bool:
    """Whether another thread is importing a module, or is there for that."""
    others = {thread.ident: thread.name for thread in threading.enumerate()}
    others.pop(threading.get_ident(), None)
    if IMPORTS in others.values():
        return True
    for number, frame in sys._current_frames().items():
        while number in others and frame is not None:
            if frame.f_code.co_filename == _IMPORTER:
                return True
            frame = frame.f_back  # type: ignore[assignment]
    return False


def _leave(code: int) -> NoReturn:
    """End the process with what was printed, and without taking the interpreter apart."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)

"""The end of a process in which threads may still be at work."""

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType

from search.errors import StudyInterrupted


def ending_at_once(main: Callable[[], int]) -> int:
    """Return what `main` returns, the exit code of this process, once it is safe to end.

    A daemon thread that is importing TensorFlow while the interpreter is taken apart would end the
    process by a segmentation fault. Where a thread is left, the process ends without that; where
    one is importing, also without what libraries have registered to be called at the end. So it
    does after an interrupt, which may have left a library of C code half imported.
    """
    codes = [1]

    def end() -> None:
        if threading.active_count() > 1 or codes[0] == StudyInterrupted.exit_code:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(AttributeError, OSError, ValueError):
                    stream.flush()
            os._exit(codes[0])

    atexit.register(end)  # the first one that is registered is called last
    try:
        codes[0] = main()
        if _another_thread_imports():
            end()
    except SystemExit as ended:
        codes[0] = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    return codes[0]


def _another_thread_imports() -> bool:
    own = threading.get_ident()
    for thread, frame in sys._current_frames().items():
        inner: FrameType | None = frame
        while inner is not None and thread != own:
            if inner.f_code.co_filename.startswith("<frozen importlib"):
                return True
            inner = inner.f_back
    return False

"""Ctrl-C and SIGTERM as one interruption of the main thread, at any time."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.02
# an exception there can leave a lock of the import system held, which every other thread waits for
_IMPORT_SYSTEM = "<frozen importlib"


@contextlib.contextmanager
def interruptible(again: Callable[[], None]) -> Iterator[None]:
    """Raise KeyboardInterrupt once at the first SIGINT or SIGTERM; `again` is called at others.

    More of them cannot cut the closing of books. Where Python would ignore the exception (in a
    destructor, or in a callback of a weak reference), or must not meet it, it is raised a moment
    later.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.unraisablehook
    raised: list[KeyboardInterrupt] = []
    over = threading.Event()

    def later(number: int) -> None:
        def send() -> None:
            if not over.is_set():
                os.kill(os.getpid(), number)  # its handler runs in the main thread

        timer = threading.Timer(_AGAIN_SECONDS, send)
        timer.daemon = True
        timer.start()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if raised:
            again()
        elif frame is not None and frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
            later(number)
        else:
            raised.append(KeyboardInterrupt())
            raise raised[0]

    def ignored(unraisable: Any) -> None:
        if raised and unraisable.exc_value is raised[0]:
            raised.clear()
            later(signal.SIGINT)
        else:
            hook(unraisable)

    for number in handlers:
        signal.signal(number, interrupt)
    sys.unraisablehook = ignored
    try:
        yield
    finally:
        over.set()
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)

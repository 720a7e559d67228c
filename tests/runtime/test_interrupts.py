"""An interrupt comes through once, wherever the main thread is when the signal arrives."""

import signal
import threading
import weakref

import pytest

from search.runtime.interrupts import interruptible


class Thing:
    """Something that ends with a signal."""


class Ending(Thing):
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def in_a_callback_of_a_weak_reference() -> None:
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
    del thing
    assert reference() is None


def in_a_destructor() -> None:
    Ending()


def in_the_import_system() -> None:
    reached: list[int] = []
    names = {"signal": signal, "reached": reached}
    code = "signal.raise_signal(signal.SIGINT)\nreached.append(1)"
    exec(compile(code, "<frozen importlib._bootstrap>", "exec"), names)
    assert reached == [1]


@pytest.mark.parametrize(
    "interrupted",
    [in_a_callback_of_a_weak_reference, in_a_destructor, in_the_import_system],
)
def test_an_interrupt_where_python_would_ignore_it_is_raised_a_moment_later(interrupted):
    def wait() -> None:
        interrupted()
        threading.Event().wait(60)

    with interruptible(pytest.fail), pytest.raises(KeyboardInterrupt):
        wait()


def test_of_many_signals_one_interrupts():
    more: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    with interruptible(lambda: more.append(1)):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        for _ in range(9):
            signal.raise_signal(signal.SIGINT)
    assert len(more) == 9
    assert signal.getsignal(signal.SIGINT) is before

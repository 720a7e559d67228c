"""Another host: a network namespace of Linux with a cable to this one that can be pulled."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """A namespace: this machine has `near` as its address on the cable, and the host has `far`."""

    name: str
    near: str
    far: str

    @property
    def prefix(self) -> Sequence[str]:
        """Words before a command that is to run on that host."""
        return "ip", "netns", "exec", self.name

    def cable(self, state: str) -> None:
        """Pull the cable ("down") or plug it in ("up")."""
        _ip("link", "set", self.name, state)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def host() -> Iterator[Host]:
    """Another host, as long as the block lasts.

    Raises: OSError or CalledProcessError where this user may not make one.
    """
    number = os.getpid() % 250 + 1
    made = Host(f"faults{number}", f"10.213.{number}.1", f"10.213.{number}.2")
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", made.name, "type", "veth", "peer", "name", "cable", "netns", made.name)
        _ip("address", "add", f"{made.near}/24", "dev", made.name)
        made.cable("up")
        for words in (("address", "add", f"{made.far}/24", "dev", "cable"), *_UP):
            _ip("-netns", made.name, *words)
        yield made
    finally:
        _ip("netns", "delete", made.name)  # the cable ends with it


_UP = tuple(("link", "set", name, "up") for name in ("cable", "lo"))


def can_make_hosts() -> bool:
    """Whether this user may make namespaces here."""
    try:
        with host():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False

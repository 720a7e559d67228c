"""The facts about a machine that a figure means nothing without."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

Facts: TypeAlias = dict[str, str]

LIBRARIES = (
    *("tensorflow", "keras", "numpy", "keras-tuner", "optuna", "scikit-learn", "scikeras"),
    *("distributed", "mlflow"),
)
ROOT = Path(__file__).parent.parent


def facts() -> Facts:
    """Processor, cores, memory, system, versions; no name of the machine, no path on it."""
    found = {
        "processor": _processor(_read("/proc/cpuinfo")) or platform.processor() or "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": _system(),
        "python": platform.python_version(),
    }
    return found | {name: importlib.metadata.version(name) for name in LIBRARIES}


def commit() -> str:
    """The commit that is measured, with a plus where files of it are changed; "" outside git."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if head and _git("status", "--porcelain", "--", "search", "spaces") else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _read(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _processor(lines: Sequence[str]) -> str:
    return next(_values(lines, "model name", ":"), "")


def _system() -> str:
    name = next(_values(_read("/etc/os-release"), "PRETTY_NAME", "="), platform.system())
    return f"{name.strip(chr(34))}, {platform.machine()}"


def _values(lines: Sequence[str], key: str, sign: str) -> Iterator[str]:
    for line in lines:
        name, _, value = line.partition(sign)
        if name.strip() == key:
            yield value.strip()


if __name__ == "__main__":
    print(json.dumps(facts(), indent=2))

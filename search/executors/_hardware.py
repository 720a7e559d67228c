"""Detect cores, memory and GPUs of this machine, and share GPUs between workers."""

import ctypes.util
import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

# memory limits of cgroups version 2 and 1, set in a container
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def physical_cores() -> int:
    """Return the number of physical cores that this process may use."""
    from joblib import cpu_count

    return int(cpu_count(only_physical_cores=True))


def memory_bytes() -> int:
    """Return the memory in bytes that processes may use: of the machine, or of a cgroup limit."""
    import psutil

    least = int(psutil.virtual_memory().total)
    for file in _CGROUP_LIMITS:
        try:
            least = min(least, int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return least


def gpus(visible: str | None) -> tuple[str, ...]:
    """Return the CUDA names of the GPUs that TensorFlow may use; none without driver or libraries.

    `visible`: the user's CUDA_VISIBLE_DEVICES, which takes precedence; None if it is not set.
    TensorFlow is not imported, because that takes seconds.
    """
    listed = _listed()
    if listed and not _libraries():
        return ()
    if visible is None or not listed:
        return listed
    # CUDA ignores all names after the first invalid one, which is often "-1"
    named = [name.strip() for name in visible.split(",")]
    valid = [name for name in named if name and not name.startswith("-")]
    return tuple(valid[: named.index("-1")] if "-1" in named else valid)


def _libraries() -> bool:
    """Return whether cuDNN is installed, by `tensorflow[and-cuda]` or in the system."""
    by_pip = importlib.util.find_spec("nvidia") is not None
    return by_pip or ctypes.util.find_library("cudnn") is not None


def _listed() -> tuple[str, ...]:
    """Return the numbers of the GPUs that `nvidia-smi` lists."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(
        line.removeprefix("GPU ").partition(":")[0]
        for line in done.stdout.splitlines()
        if done.returncode == 0 and line.startswith("GPU ")
    )


def environments(workers: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Return additional environment variables per worker: one GPU each, shared if there are fewer.

    >>> environments(3, ("0", "1"))
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}, {'CUDA_VISIBLE_DEVICES': '0'}]
    >>> environments(2, ())
    [{}, {}]
    """
    if not gpus:
        return [{} for _ in range(workers)]
    return [{"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} for number in range(workers)]

"""What this machine has to train on: cores, GPUs, and how workers share them."""

import ctypes.util
import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

# of cgroups version 2 and 1, as a container has them
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def physical_cores() -> int:
    """The physical cores that this process may use."""
    from joblib import cpu_count

    return int(cpu_count(only_physical_cores=True))


def memory_bytes() -> int:
    """The memory that processes here may use: the machine's, or less where a cgroup limits it."""
    import psutil

    least = int(psutil.virtual_memory().total)
    for file in _CGROUP_LIMITS:
        try:
            least = min(least, int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return least


def gpus(visible: str | None) -> tuple[str, ...]:
    """The GPUs that TensorFlow may use, as CUDA names them; none without driver or libraries.

    `visible`: the user's CUDA_VISIBLE_DEVICES, which goes first; None where it is not set. Found
    out without TensorFlow, which would take seconds.
    """
    listed = _listed()
    if listed and not _libraries():
        return ()
    if visible is None or not listed:
        return listed
    # CUDA stops at the first name that is none, and "-1" stands for that
    named = [name.strip() for name in visible.split(",")]
    valid = [name for name in named if name and not name.startswith("-")]
    return tuple(valid[: named.index("-1")] if "-1" in named else valid)


def _libraries() -> bool:
    """Whether TensorFlow finds cuDNN: beside it, as `tensorflow[and-cuda]` brings it, or at all."""
    beside = importlib.util.find_spec("nvidia") is not None
    return beside or ctypes.util.find_library("cudnn") is not None


def _listed() -> tuple[str, ...]:
    """The numbers of the GPUs that NVIDIA's own tool lists."""
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
    """What is added to each worker's environment: a GPU of its own, shared where there are fewer.

    >>> environments(3, ("0", "1"))
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}, {'CUDA_VISIBLE_DEVICES': '0'}]
    >>> environments(2, ())
    [{}, {}]
    """
    if not gpus:
        return [{} for _ in range(workers)]
    return [{"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} for number in range(workers)]

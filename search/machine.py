"""What this machine has to train on: cores, GPUs, and how workers share them."""

import subprocess
from collections.abc import Sequence

AUTO = "auto"


def physical_cores() -> int:
    """The physical cores that this process may use."""
    from joblib import cpu_count

    return int(cpu_count(only_physical_cores=True))


def gpus(visible: str | None) -> tuple[str, ...]:
    """The GPUs that TensorFlow may use, as CUDA names them; none without NVIDIA's driver.

    `visible`: the user's CUDA_VISIBLE_DEVICES, which goes first; None where it is not set.
    """
    listed = _listed()
    if visible is None or not listed:
        return listed
    # CUDA stops at the first name that is none, and "-1" stands for that
    named = [name.strip() for name in visible.split(",")]
    valid = [name for name in named if name and not name.startswith("-")]
    return tuple(valid[: named.index("-1")] if "-1" in named else valid)


def _listed() -> tuple[str, ...]:
    """The numbers of the GPUs that NVIDIA's own tool lists; TensorFlow would take seconds."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(
        line.removeprefix("GPU ").partition(":")[0]
        for line in done.stdout.splitlines()
        if done.returncode == 0 and line.startswith("GPU ")
    )


def worker_count(asked: int | str, gpus: Sequence[str], cores: int) -> int:
    """How many workers: as many as asked; "auto" is one per GPU, or one per physical core.

    >>> worker_count("auto", (), 4), worker_count("auto", ("0", "1"), 8), worker_count(3, (), 8)
    (4, 2, 3)
    """
    if asked != AUTO:
        return int(asked)
    return len(gpus) or cores


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

"""Checkpoints: everything a trial needs to go on as if it had never stopped, in one file."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np

from search.errors import CheckpointError
from search.executors.base import Courier
from search.trial import EpochReport

Arrays: TypeAlias = list[np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trial's state after the last epoch of `curve`.

    `last`: every variable of the model and of its optimizer, in Keras's order, states of seed
    generators (dropout) included: a plain `.keras` file lacks those. `best`: the model's variables
    after `best_epoch`, to be exported. `callbacks`: the state of the user's callbacks, as JSON
    data; None where they have one that cannot be kept.
    """

    curve: tuple[EpochReport, ...]
    last: Arrays
    best: Arrays
    best_epoch: int
    callbacks: dict[str, Any] | None = None

    @property
    def epoch(self) -> int:
        """The completed epochs."""
        return len(self.curve)


class Checkpoints(Protocol):
    """The last checkpoint of each trial of a study, wherever it is kept."""

    def load(self, trial: str) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or none that can be read."""
        ...

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint, in one step."""
        ...


class CheckpointFolder:
    """The checkpoints of a study, one file per trial, each replaced as a whole.

    `owner` says whose they are: those of another owner (an earlier study of the same name, whose
    journal was removed) count as none.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner

    def load(self, trial: str) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or none that can be read.

        A file damaged by a crash of the machine costs training time, never the study.
        """
        try:
            with self._path(trial).open("rb") as file:
                return _read(file, self._owner)
        except OSError:
            return None

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint; a reader sees the old one or the new one, whole.

        Raises: CheckpointError when it cannot be written.
        """
        self._replace(trial, lambda file: _write(file, checkpoint, self._owner))

    def packed(self, trial: str) -> bytes | None:
        """The trial's checkpoint as it travels; None where there is none."""
        try:
            return self._path(trial).read_bytes()
        except OSError:
            return None

    def unpack(self, trial: str, content: bytes) -> None:
        """Replace the trial's checkpoint by one that has travelled.

        Raises: CheckpointError when it cannot be written.
        """
        self._replace(trial, lambda file: file.write(content))

    def _replace(self, trial: str, write: Callable[[BinaryIO], object]) -> None:
        temporary = self._path(trial).with_suffix(".tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                write(file)
            os.replace(temporary, self._path(trial))
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise CheckpointError(
                f"cannot write the checkpoint {self._path(trial)}: {error.strerror}; nothing "
                "recorded is lost: make room or access, then resume"
            ) from error

    def keep(self, trials: Sequence[str]) -> int:
        """Delete the checkpoints of all other trials; how many bytes that freed."""
        freed = 0
        for path in self._folder.glob("*.npz"):
            if path.stem not in trials:
                freed += path.stat().st_size
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
        return freed

    def _path(self, trial: str) -> Path:
        return self._folder / f"{trial}.npz"


class TravellingCheckpoints:
    """The checkpoints of a study whose disk is elsewhere: brought by tasks, sent when saved."""

    def __init__(self, courier: Courier, owner: str) -> None:
        self._courier = courier
        self._owner = owner

    def load(self, trial: str) -> Checkpoint | None:
        """The checkpoint that the task brought along; None where it brought none."""
        content = self._courier.brought(trial)
        return None if content is None else _read(io.BytesIO(content), self._owner)

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Send the checkpoint to the study's disk."""
        file = io.BytesIO()
        _write(file, checkpoint, self._owner)
        self._courier.send(trial, file.getvalue())


def _read(raw: BinaryIO, owner: str) -> Checkpoint | None:
    try:
        with np.load(raw, allow_pickle=False) as file:
            about = json.loads(bytes(file["about"]).decode())
            if about["owner"] != owner:
                return None
            last = [file[f"last_{index}"] for index in range(about["last"])]
            best = [file[f"best_{index}"] for index in range(about["best"])]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    curve = tuple(EpochReport(**report) for report in about["curve"])
    best = best or last[: about["model"]]
    return Checkpoint(curve, last, best, about["best_epoch"], about.get("callbacks"))


def _write(file: BinaryIO, checkpoint: Checkpoint, owner: str) -> None:
    # after the best epoch the model's own variables are the best ones (unless an optimizer
    # averages them): stored once
    both = zip(checkpoint.best, checkpoint.last, strict=False)
    best = [] if all(np.array_equal(a, b) for a, b in both) else checkpoint.best
    about = {
        "owner": owner,
        "curve": [asdict(report) for report in checkpoint.curve],
        "best_epoch": checkpoint.best_epoch,
        "last": len(checkpoint.last),
        "model": len(checkpoint.best),
        "best": len(best),
        "callbacks": checkpoint.callbacks,
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    arrays |= {f"last_{index}": array for index, array in enumerate(checkpoint.last)}
    arrays |= {f"best_{index}": array for index, array in enumerate(best)}
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes it for a flag

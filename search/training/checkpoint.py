"""Checkpoints: the state from which a trial continues as if it had never stopped, in one file."""

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from search.errors import CheckpointError
from search.runtime.files import write_atomically
from search.state.plain_data import Arrays, Kept
from search.study.printed_commands import how_to_make_room
from search.study.trial import EpochReport
from search.training.base import CheckpointTransport

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trial's state after the last epoch of `curve`.

    `last`: every variable of the model and of its optimizer, in Keras's order, states of seed
    generators (dropout) included: a plain `.keras` file lacks those. `best`: the model's variables
    after `best_epoch`, to be exported. `states`: all other state of each model (one, or one for
    each fold), its callbacks' included, as JSON data that refer to `arrays`. `lost`: why that
    cannot be kept, where it cannot: such a trial is trained from its beginning.
    """

    curve: tuple[EpochReport, ...]
    last: Arrays
    best: Arrays
    best_epoch: int
    states: tuple[Kept, ...] = ()
    arrays: Arrays = field(default_factory=list)
    lost: str | None = None

    @property
    def epoch(self) -> int:
        """The completed epochs."""
        return len(self.curve)

    def agrees(self, recorded: Sequence[EpochReport]) -> bool:
        """Return whether it has the recorded metrics, in all epochs that both know."""
        both = zip(self.curve, recorded, strict=False)
        return all(dict(mine.metrics) == dict(its.metrics) for mine, its in both)


class Checkpoints(Protocol):
    """The storage of the last checkpoint of each trial of a study."""

    def load(self, trial: str) -> Checkpoint | None:
        """Return the trial's checkpoint; None if there is none that can be read."""
        ...

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint, in one step."""
        ...


class CheckpointFolder:
    """The checkpoints of a study, one file per trial, each replaced as a whole.

    `owner` says whose they are: those of another owner (an earlier study of the same name, whose
    journal was removed) count as none, and so do those of another trial, and damaged ones.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner

    def load(self, trial: str) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or none that can be read.

        A file damaged by a crash of the machine costs training time, never the study.
        """
        try:
            if not self._path(trial).is_file():  # to open a named pipe would wait for ever
                return None
            content = self._path(trial).read_bytes()
        except OSError:
            return None
        return read(content, self._owner, trial)

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint; a reader sees the old one or the new one, whole.

        Raises: CheckpointError when it cannot be written.
        """
        self._replace(trial, written(checkpoint, self._owner, trial))

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
        self._replace(trial, content)

    def _replace(self, trial: str, content: bytes) -> None:
        try:
            write_atomically(self._path(trial), content)
        except OSError as error:
            raise CheckpointError(
                f"cannot write the checkpoint {self._path(trial)}: {error.strerror}; nothing "
                "recorded is lost: make room or access, then resume"
                f"{how_to_make_room(self._path(trial), error)}"
            ) from error

    def keep(self, trials: Sequence[str]) -> int:
        """Delete the checkpoints of all other trials; how many bytes that freed."""
        freed = 0
        for path in (*self._folder.glob("*.npz"), *self._folder.glob(".*.tmp")):
            if path.stem not in trials:
                freed += path.stat().st_size
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
        return freed

    def _path(self, trial: str) -> Path:
        return self._folder / f"{trial}.npz"


class TravellingCheckpoints:
    """The checkpoints of a study whose disk is elsewhere: brought by tasks, sent when saved."""

    def __init__(self, transport: CheckpointTransport, owner: str) -> None:
        self._transport = transport
        self._owner = owner

    def load(self, trial: str) -> Checkpoint | None:
        """The checkpoint that the task brought along; None where it brought none."""
        content = self._transport.brought(trial)
        return None if content is None else read(content, self._owner, trial)

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Send the checkpoint to the study's disk."""
        self._transport.send(trial, written(checkpoint, self._owner, trial))


def read(content: bytes, owner: str, trial: str) -> Checkpoint | None:
    """Return the checkpoint in a file's content; None for a damaged one, or another trial's."""
    try:
        return _read(content, owner, trial)
    except Exception:  # noqa: BLE001 - damaged bytes lead anywhere in zipfile, NumPy and JSON
        return None


def written(checkpoint: Checkpoint, owner: str, trial: str) -> bytes:
    """Return the content of a checkpoint's file: arrays and JSON data, and a checksum over all."""
    # after the best epoch the model's own variables are the best ones (unless an optimizer
    # averages them): stored once
    both = zip(checkpoint.best, checkpoint.last, strict=False)
    best = [] if all(np.array_equal(a, b) for a, b in both) else checkpoint.best
    groups = {"last": checkpoint.last, "best": best, "more": checkpoint.arrays}
    about = {
        "format": _FORMAT,
        "owner": owner,
        "trial": trial,
        "epoch": checkpoint.epoch,
        "curve": [asdict(report) for report in checkpoint.curve],
        "best_epoch": checkpoint.best_epoch,
        **{name: len(arrays) for name, arrays in groups.items()},
        "model": len(checkpoint.best),
        "states": list(checkpoint.states),
        "lost": checkpoint.lost,
    }
    named = {f"{name}_{n}": a for name, arrays in groups.items() for n, a in enumerate(arrays)}
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    file = io.BytesIO()
    checksum = np.frombuffer(_checksum(text, named).encode(), dtype=np.uint8)
    np.savez(file, about=text, checksum=checksum, **named)  # type: ignore[arg-type]  # numpy's stub
    return file.getvalue()


def _read(content: bytes, owner: str, trial: str) -> Checkpoint | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    text = arrays.pop("about")
    about = json.loads(bytes(text).decode())
    if about["owner"] != owner:
        return None
    if about.get("format", 1) > 1:
        checksum = bytes(arrays.pop("checksum")).decode()
        if about["trial"] != trial or checksum != _checksum(text, arrays):
            return None
    curve = tuple(EpochReport(**report) for report in about["curve"])
    epochs = [report.epoch for report in curve]
    if epochs != list(range(1, len(curve) + 1)) or any(one.trial != trial for one in curve):
        return None
    last, best, more = (
        [arrays[f"{name}_{n}"] for n in range(about.get(name, 0))]
        for name in ("last", "best", "more")
    )
    best = best or last[: about["model"]]
    if about.get("format", 1) == 1:
        return Checkpoint(curve, last, best, about["best_epoch"], *_first_format(about))
    states, lost = tuple(about["states"]), about["lost"]
    return Checkpoint(curve, last, best, about["best_epoch"], states, more, lost)


def _first_format(about: dict[str, Any]) -> tuple[tuple[Kept, ...], Arrays, str | None]:
    """What checkpoints of format 1 have of the callbacks' state; they have no other."""
    callbacks = about["callbacks"]
    if callbacks is None:
        return (), [], "a callback has a state that cannot be kept"
    return tuple(callbacks.get("folds", [callbacks])), [], None


def _checksum(text: "np.ndarray[Any, Any]", arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> str:
    digest = hashlib.blake2b(text.tobytes())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

"""Checkpoints: everything a trial needs to go on as if it had never stopped, in one file."""

import contextlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from search.trial import EpochReport

Arrays: TypeAlias = list[np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trial's state after the last epoch of `curve`.

    `last`: every variable of the model and of its optimizer, in Keras's order, states of seed
    generators (dropout) included: a plain `.keras` file lacks those. `best`: the model's variables
    after `best_epoch`, to be exported.
    """

    curve: tuple[EpochReport, ...]
    last: Arrays
    best: Arrays
    best_epoch: int

    @property
    def epoch(self) -> int:
        """The completed epochs."""
        return len(self.curve)


class CheckpointFolder:
    """The checkpoints of a study, one file per trial, each replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, trial: str) -> Checkpoint | None:
        """The trial's checkpoint; None where there is none, or none that can be read.

        A file damaged by a crash of the machine costs training time, never the study.
        """
        try:
            with self._path(trial).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                about = json.loads(bytes(file["about"]).decode())
                last = [file[f"last_{index}"] for index in range(about["last"])]
                best = [file[f"best_{index}"] for index in range(about["best"])]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        curve = tuple(EpochReport(**report) for report in about["curve"])
        return Checkpoint(curve, last, best or last[: about["model"]], about["best_epoch"])

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        """Replace the trial's checkpoint; a reader sees the old one or the new one, whole.

        Raises: OSError when it cannot be written.
        """
        # after the best epoch the model's own variables are the best ones: stored once
        best = [] if checkpoint.best_epoch == checkpoint.epoch else checkpoint.best
        about = {
            "curve": [asdict(report) for report in checkpoint.curve],
            "best_epoch": checkpoint.best_epoch,
            "last": len(checkpoint.last),
            "model": len(checkpoint.best),
            "best": len(best),
        }
        arrays = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
        arrays |= {f"last_{index}": array for index, array in enumerate(checkpoint.last)}
        arrays |= {f"best_{index}": array for index, array in enumerate(best)}
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path(trial).with_suffix(".tmp")
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes it for a flag
        os.replace(temporary, self._path(trial))

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

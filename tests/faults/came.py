"""What comes of a study: what a disturbance must not change."""

import contextlib
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Came:
    """What came of a study: only what a disturbance must not change.

    `trials`: state, score and params by trial. `curves`: the metrics of each epoch by trial.
    `weights`: a digest of the exported winner's weights. `mlflow`: state and `val_accuracy` by
    step, by trial.
    """

    state: str
    best: tuple[str, float] | None
    trials: Mapping[str, tuple[str, float | None, str]]
    curves: Mapping[str, tuple[str, ...]]
    weights: str | None
    mlflow: Mapping[str, tuple[str, tuple[tuple[int, float], ...]]]

    def without(self, *trials: str) -> "Came":
        """The same without these trials."""

        def left(given: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in given.items() if name not in trials}

        parts = {name: left(getattr(self, name)) for name in ("trials", "curves", "mlflow")}
        return replace(self, **parts)


def weights(file: Path) -> str | None:
    """A digest of all the arrays in a .keras file; None where there is no such file."""
    import h5py

    if not file.exists():
        return None
    digest = hashlib.sha256()
    with zipfile.ZipFile(file) as whole, whole.open("model.weights.h5") as part:
        stored = h5py.File(part)

        def add(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and "optimizer" not in name:
                digest.update(name.encode() + node[()].tobytes())

        stored.visititems(add)
    return digest.hexdigest()


def in_mlflow(database: Path, identity: str) -> dict[str, Any]:
    """State and objective by step of each trial that MLflow has of this study."""
    import sqlite3

    if not database.exists():
        return {}
    tags = "select run_uuid, value from tags where key = "
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as opened:
        runs = dict(opened.execute(f"{tags}'search.trial'"))
        states = dict(opened.execute(f"{tags}'search.state'"))
        studies, created = (
            dict(opened.execute(f"{tags}'search.{key}'")) for key in ("study", "created")
        )
        metric = "select step, value from metrics where key = 'val_accuracy' and run_uuid = ?"
        return {
            trial: (states.get(run, ""), tuple(sorted(opened.execute(metric, (run,)))))
            for run, trial in sorted(runs.items(), key=lambda item: item[1])
            if f"{studies[run]}@{created[run]}" == identity
        }

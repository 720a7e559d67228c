"""Exported model, as trackers and commands use it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The files of an export.
ABOUT = "export.json"
MODEL = "model.keras"
WEIGHTS = "model.weights.h5"
SERVED = "model"  # a SavedModel
FORMATS = ("keras", "savedmodel")  # the words of --format
PICTURES = ("network.svg", "examples.svg", "confusion.csv")


@dataclass(frozen=True, slots=True)
class Exported:
    """The winner's exported model.

    `directory`: folder with the model. `example`: (k, ...) array with the first rows of the
    validation inputs. `pictures`: image files in the folder: the network, and predictions on
    held-out data.
    """

    directory: Path
    example: Any
    pictures: tuple[Path, ...] = ()

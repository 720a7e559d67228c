"""A model on disk, as trackers and commands see it."""

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
    """The winner's model on disk: a directory with `model.keras`, and a few raw inputs for it.

    `example`: (k, ...) array, the first rows of the validation inputs. `pictures`: files in the
    directory that show the winner and what it said of unseen data.
    """

    directory: Path
    example: Any
    pictures: tuple[Path, ...] = ()

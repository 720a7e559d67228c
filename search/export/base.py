"""Exported model, as trackers and commands use it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


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

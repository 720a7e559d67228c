"""A model on disk, as trackers and commands see it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Exported:
    """The winner's model on disk: a directory with `model.keras`, and a few raw inputs for it.

    `example`: (k, ...) array, the first rows of the validation inputs. `pictures`: files in the
    directory that show the winner and what it said of unseen data.
    """

    directory: Path
    example: Any
    pictures: tuple[Path, ...] = ()

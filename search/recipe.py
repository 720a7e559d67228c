"""How a trainer is made, in whatever process it trains: small enough to send, equal when equal."""

from dataclasses import dataclass
from pathlib import Path

from search.config import StudyConfig
from search.problem import Data
from search.seeds import SystemClock
from search.setup import Setup, prepare
from search.training import runtime
from search.training.checkpoint import CheckpointFolder
from search.training.trainer import KerasTrainer

THREADS = 1


@dataclass(frozen=True, slots=True)
class TrainerRecipe:
    """What a worker needs to make a study's trainer: settings and places, no data and no code.

    `study`: the identity of the study, to which its checkpoints belong.
    """

    config: StudyConfig
    data_dir: Path | None
    checkpoints: Path
    study: str

    def __call__(self) -> KerasTrainer:
        """The trainer, with the data loaded."""
        setup = prepare(self.config)
        return self.trainer(setup, load(setup, self.data_dir))

    def trainer(self, setup: Setup, data: Data) -> KerasTrainer:
        """The trainer, where settings and data are at hand already."""
        runtime.prepare(THREADS)
        return KerasTrainer(
            setup.problem,
            data,
            CheckpointFolder(self.checkpoints, self.study),
            SystemClock(),
            patience=setup.patience,
            most_epochs=setup.settings.max_epochs,
        )


def load(setup: Setup, data_dir: Path | None) -> Data:
    """The problem's data; a loader may import Keras, which must find its threads set.

    Raises: DataError when they cannot be had.
    """
    runtime.prepare(THREADS)
    return setup.problem.load(data_dir)

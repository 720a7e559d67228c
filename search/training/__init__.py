"""One task in, one report for each epoch, one outcome out; checkpoints and folds.

May import: `state`, `study`, `problem` and what they may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.training.base import CheckpointTransport, Trainer, Training, WorkerContext
    from search.training.trainer import KerasTrainer

__all__ = ["CheckpointTransport", "KerasTrainer", "Trainer", "Training", "WorkerContext"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.training.base": ("CheckpointTransport", "Trainer", "Training", "WorkerContext"),
        "search.training.trainer": ("KerasTrainer",),
    },
)

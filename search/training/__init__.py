"""One task in, one report for each epoch, one outcome out; checkpoints and folds.

May import: `state`, `study`, `problem` and what they may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.training.base import Courier, Trainer, Training, Workplace
    from search.training.trainer import KerasTrainer

__all__ = ["Courier", "KerasTrainer", "Trainer", "Training", "Workplace"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.training.base": ("Courier", "Trainer", "Training", "Workplace"),
        "search.training.trainer": ("KerasTrainer",),
    },
)

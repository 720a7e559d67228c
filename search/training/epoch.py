"""One epoch of training and one evaluation, by way of `keras.Model.fit` and `evaluate`."""

from typing import TYPE_CHECKING, Any

import numpy as np

from search.problem import Part
from search.seeds import seed_for

if TYPE_CHECKING:
    import keras

EVALUATION_BATCH = 1024


def train_epoch(
    model: "keras.Model", part: Part, *, batch_size: int, seed: int, epoch: int
) -> dict[str, float]:
    """Train epoch `epoch` (1-based) and return its metrics, the final learning rate among them.

    The order of the data is a function of (seed, epoch): an epoch trained again is the same epoch.
    """
    order = np.random.default_rng(seed_for(seed, "order", epoch)).permutation(len(part.x))
    history = model.fit(
        part.x[order], part.y[order], batch_size=batch_size, shuffle=False, verbose=0
    )
    metrics = {name: float(values[-1]) for name, values in history.history.items()}
    rate = getattr(model.optimizer, "learning_rate", None)
    if rate is not None:
        metrics["learning_rate"] = float(_number(rate))
    return metrics


def evaluate(model: "keras.Model", part: Part, prefix: str = "") -> dict[str, float]:
    """The model's loss and metrics on a part of the data, by name."""
    metrics = model.evaluate(
        part.x, part.y, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
    )
    return {f"{prefix}{name}": float(value) for name, value in metrics.items()}


def _number(value: Any) -> Any:
    return value.numpy() if hasattr(value, "numpy") else value

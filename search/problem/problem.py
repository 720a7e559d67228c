"""Problem: data, a function that builds the model, a space and an objective."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data.parts import Data, Part
from search.errors import SpaceError
from search.problem._checks import check_problem
from search.problem.objective import Metrics, Objective
from search.runtime.names import check_name
from search.space._scalars import to_python
from search.space.parameters import Int, Params
from search.space.space import Space

if TYPE_CHECKING:
    import keras

# fit(params, model, data, callbacks) trains one epoch and returns its metrics.
Fit: TypeAlias = Callable[..., Metrics]


@dataclass(frozen=True)
class Problem:
    """Tuning problem: data, model function, search space and objective.

    Scaling belongs inside the model: the final evaluation, the export and predictions use the raw
    inputs.

    Attributes:
        name: Name of the problem: letters, digits, '.', '_' and '-', at most 100.
        space: Search space. A parameter named "epochs" is the number of epochs of a trial, one
            named "batch_size" its batch size.
        objective: Metric to optimise.
        load: `load(data_dir)` returns the `Data`. `data_dir` is the folder given by the user, or
            None.
        build: `build(params)` returns a compiled `keras.Model` that takes the raw inputs of
            `Data`. With `statistics`, it is called as `build(params, statistics)`.
        baseline: Parameter values that you use now. They are trial 0 of every study.
        statistics: `statistics(train)` computes values for `build` from the training part, such as
            means and standard deviations. In cross-validation it gets the training part of each
            fold.
        callbacks: `callbacks(params)` returns the Keras callbacks of a trial.
            `callbacks(params, folder)` does so for callbacks that write files; `folder` belongs to
            the trial. See `search.training.callbacks`.
        derived: `derived(curve)` returns additional metrics for the last epoch of a curve, which
            is a sequence of the metrics of epochs 1, 2, ... It must be a pure function. The
            objective may be one of its metrics.
        fit: `fit(params, model, data, callbacks)` replaces the platform's training. It trains one
            epoch and returns its metrics, with the prefix "val_" for metrics on validation data;
            without any of these, the platform evaluates the model. It is called once per epoch
            and must pass `callbacks` to Keras's `fit`. If it accepts `initial_epoch` and `epochs`
            (or `**settings`), it gets n - 1 and n for epoch n, which schedules by epoch number
            need. Schedules and early stopping with a state belong in `callbacks`.
        fit_whole: Call `fit` once, with all epochs as `epochs=`, for training in phases or with
            averaged weights. The curve is recorded from its calls of `model.fit`, and the model at
            its end is the trial's model. Such a trial is neither pruned, promoted nor stopped
            early, and starts over after a crash.
        batch_size: Rows in a training batch, if the space has no "batch_size".
        patience: Epochs without improvement before a trial stops; None for no early stopping.
        max_epochs: Largest number of epochs of a trial. Default: the upper bound of the parameter
            "epochs"; without it, 9.
        trials: Default number of trials of a study.
        description: One line for `list problems`.
        evaluation_batch_size: Rows in an evaluation batch. Default: as in training, or more if
            loss and metrics are means over rows.

    Raises:
        UsageError: The name is invalid, or a field has the wrong type.
        SpaceError: The baseline is not in the space, or "epochs" is not an Int with low >= 1.
    """

    name: str
    space: Space
    objective: Objective
    load: Callable[[Path | None], Data]
    build: Callable[..., "keras.Model"]
    baseline: Params | None = None
    statistics: Callable[[Part], Any] | None = None
    callbacks: "Callable[..., Sequence[keras.callbacks.Callback]] | None" = None
    derived: Callable[[Sequence[Metrics]], Metrics] | None = None
    fit: "Fit | None" = None
    fit_whole: bool = False
    batch_size: int = 32
    patience: int | None = 3
    max_epochs: int | None = None
    trials: int = 20
    description: str = ""
    evaluation_batch_size: int | None = None

    def __post_init__(self) -> None:
        check_name("problem", self.name)
        check_problem(self)
        if self.fit_whole:
            # only the last epoch leaves weights to export
            object.__setattr__(self, "objective", replace(self.objective, score_at="last"))
            object.__setattr__(self, "patience", None)
        if self.baseline is not None:
            object.__setattr__(self, "baseline", to_python(self.baseline))
            try:
                self.space.check(self.baseline)
            except SpaceError as error:
                raise SpaceError(f"baseline of {self.name}: {error}") from error
        epochs = next((p for p in self.space.parameters if p.name == "epochs"), None)
        if epochs is not None and not (isinstance(epochs, Int) and epochs.low >= 1):
            raise SpaceError(
                f"epochs must be an Int with low >= 1, not {epochs!r}. Use Int('epochs', 1, ...)."
            )

    def builder(self, train: Part) -> Callable[[Params], "keras.Model"]:
        """Return a function of params that builds a model, with statistics computed from `train`.

        Args:
            train: Training part of the data, or of a fold.
        """
        if self.statistics is None:
            return self.build
        statistics = self.statistics(train)
        return lambda params: self.build(params, statistics)

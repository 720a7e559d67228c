"""A problem: what is tuned. Data, a function that builds the model, a space, an objective."""

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

# Params, the model, the data and callbacks: one epoch, its metrics.
Fit: TypeAlias = Callable[..., Metrics]


@dataclass(frozen=True)
class Problem:
    """What is tuned.

    `load(data_dir)` gives the data (`data_dir`: where the user said they lie, or None).
    `build(params)` gives a compiled `keras.Model` that takes the raw inputs of `Data`: scaling
    belongs inside it. `statistics(train)`: what is fitted on the training part (of a fold, under
    cross-validation) before any model is built, means and deviations for instance; where there is
    one, models come from `build(params, statistics)`. `baseline` are the settings in use today:
    trial 0 of every study. Where the space has an Int named "epochs" it is the number of epochs;
    one named "batch_size" is the batch size, else `batch_size` here. `max_epochs`: what a trial may
    have at most; by default the high end of that Int, or 9 where there is none. `patience`: epochs
    without improvement before a trial stops. `evaluation_batch_size`: rows in a batch of the
    evaluation; by default as in training, or more where loss and metrics are means over rows.
    `callbacks(params)` gives Keras callbacks for one trial, and `callbacks(params, folder)` those
    that write files: into the trial's own folder. See `search.training.callbacks`.

    `derived(curve)`: more metrics for the last epoch of a curve, given as the metrics of epochs
    1, 2, ...; a pure function, whose metrics the objective may name like any other.
    `fit(params, model, data, callbacks)` trains a model for one epoch in its own way, in place of
    the platform, and returns that epoch's metrics, those on validation data as `val_...`; where it
    gives none of these the model is evaluated. It is called once for each epoch. `callbacks` are to
    be passed to Keras's `fit`, and so are `initial_epoch=n - 1` and `epochs=n` for epoch n where it
    takes them (`**settings`): schedules by epoch number then work. Schedules and stopping that keep
    a state belong in `callbacks=`; scaling belongs into the model, as test, export and predictions
    use the data as they are. `fit_whole=True` is for a `fit` with a beginning and an end (phases,
    averaged weights): it is called once with `epochs=` all of them, its curve is recorded from its
    calls of `model.fit`, and the model it leaves is handed over. Such a trial is neither pruned nor
    promoted nor stopped early, and starts over after a crash.

    Raises: UsageError for a name that no study could bear, or what is not of its kind; SpaceError
    when the baseline does not lie in the space.
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
            # no epoch but the last one has weights that could be handed over
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
            raise SpaceError(f"epochs: must be an Int with low >= 1, got {epochs!r}; use Int")

    def builder(self, train: Part) -> Callable[[Params], "keras.Model"]:
        """`build` for models that are trained on this part: statistics are fitted on it, once."""
        if self.statistics is None:
            return self.build
        statistics = self.statistics(train)
        return lambda params: self.build(params, statistics)

"""A trial trained by Keras's own `fit`, in one call, outside the platform's training loop.

The model is built and seeded as the trainer does it, and each epoch has the examples in the order
that the trainer gives them; all else is Keras's: steps, class weights, callbacks, evaluation.
"""

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data import texts, trees
from search.data.class_weights import class_labels, class_weights
from search.data.parts import Data, Part
from search.problem.problem import Problem
from search.runtime import tensorflow_setup
from search.runtime.keras_configuration import KerasConfiguration
from search.seeds import seed_for
from search.state import random_draws
from search.study import outcomes
from search.study.rules import TrainingRules
from search.study.trial import Task
from search.training import model_checks, score_comparison
from search.training.callbacks import UserCallbacks, user_callbacks
from search.training.cross_validation import CrossValidation, FoldData, undivided
from search.training.evaluation import is_stateful
from search.training.fit_draws import FitDraws
from search.training.metric_values import finite, metric_values
from search.training.model_steps import packed, why_not_evaluated
from search.training.user_fit import UserFitLoop
from search.training.user_fit_checks import FitChecks

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Curve = list[dict[str, float]]

_ROUNDING = 1e-6  # of a sum in float32


@dataclass(frozen=True, slots=True)
class FitCurve:
    """The metrics of each epoch, and what is known of them for a comparison.

    `means`: metrics in which rounding stays rounding; others may count rows, of which an epoch has
    `rows` in training and `held_out` in validation. `incomparable`: what Keras's `fit` means
    otherwise, and why. `unseeded`: whether the model draws random numbers that cannot be made equal
    to those of the platform's loop.
    """

    epochs: Curve
    means: frozenset[str]
    rows: int
    held_out: int
    incomparable: Mapping[str, str]
    unseeded: bool = False


def fit_curve(
    problem: Problem,
    data: Data,
    task: Task,
    folding: CrossValidation | None,
    rules: TrainingRules,
    most_epochs: int,
    *,
    perturbed: bool = False,
) -> FitCurve:
    """Train a task by `fit` from its first epoch to the end of its budget, and return its curve.

    With `folding` each fold is trained, and the metrics are means over folds. `most_epochs`: the
    maximum number of epochs of a trial of the study; the user's `fit` gets it if one call trains
    all epochs. `perturbed`: with initial weights that are changed by a rounding error.
    """
    data = texts.for_keras(data)
    grounds, seeds = [undivided(data)], [task.seed]
    if folding is not None:
        data, grounds = folding.of(data)
        seeds = [seed_for(task.seed, "fold", number + 1) for number in range(len(grounds))]
    keras = KerasConfiguration.noted() if rules.keeps_keras_configuration else None
    fits = [
        _Fit(problem, data, fold_data, task, seed, rules, most_epochs, keras, perturbed=perturbed)
        for fold_data, seed in zip(grounds, seeds, strict=True)
    ]
    by_fold = [one.curve() for one in fits]
    curve: Curve = []
    for metrics in zip(*by_fold, strict=False):
        whole = metrics[0]
        if folding is not None:
            whole = outcomes.over_folds(problem.objective, metrics)
        if problem.derived is not None:
            # as the trainer has it: a value that is not finite is left out, and NaN where one looks
            missing = dict.fromkeys((name for one in [*curve, whole] for name in one), math.nan)
            more = problem.derived([missing | one for one in [*curve, whole]])
            whole = whole | finite(metric_values(more))
        curve.append(whole)
    fold_data = grounds[0]
    return FitCurve(
        curve,
        frozenset(fits[0].means),
        len(fold_data.rows),
        fold_data.stop - fold_data.first,
        fits[0].incomparable,
        any(one.unseeded for one in fits),
    )


class _Fit:
    """One model, on its share of the data."""

    def __init__(
        self,
        problem: Problem,
        data: Data,
        fold_data: FoldData,
        task: Task,
        seed: int,
        rules: TrainingRules,
        most_epochs: int,
        keras: KerasConfiguration | None,
        *,
        perturbed: bool,
    ) -> None:
        params = task.proposal.params
        self._problem = problem
        self._rules = rules
        self._data = data
        self._fold_data = fold_data
        self._params = params
        self._seed = seed
        self._epochs = task.proposal.budget.stop
        self._most_epochs = int(params.get("epochs", most_epochs))
        self._batch_size = int(params.get("batch_size", problem.batch_size))
        given = problem.evaluation_batch_size or rules.evaluation_batch_size
        self._test_batch = given or self._batch_size
        build = problem.builder(fold_data.part(data))
        tensorflow_setup.fresh(seed, keras)
        if rules.seeds_each_epoch:
            random_draws.seed_keras(seed)
        self._model = build(params)
        if not self._model.built:
            rows = self._batch_size if is_stateful(self._model) else 1
            model_checks.call(self._model, data.train, rows)
        if perturbed:
            _perturb(self._model)
        self.means: set[str] = set()
        self.incomparable: dict[str, str] = {}
        self.unseeded = False

    def curve(self) -> Curve:
        """Train, and return the metrics of each epoch."""
        with tempfile.TemporaryDirectory(prefix="keras-search-") as folder:
            callbacks = user_callbacks(self._problem.callbacks, self._params, Path(folder))
            own = self._problem.fit is not None
            curve = self._by_own_fit(callbacks) if own else self._by_fit(callbacks)
        self.means = score_comparison.means(self._model) if self._model.compiled else set()
        optimizer = getattr(self._model.optimizer, "inner_optimizer", self._model.optimizer)
        if optimizer is not None and getattr(optimizer, "use_ema", False):
            self.incomparable["val_"] = "fit evaluates the weights before they are averaged"
        return curve

    def _by_fit(self, callbacks: "Sequence[keras.callbacks.Callback]") -> Curve:
        found: Curve = []
        steps = -(-len(self._fold_data.rows) // self._batch_size)
        held_out = self._data.validation.take(slice(self._fold_data.first, self._fold_data.stop))
        validation = None
        if why_not_evaluated(self._model) is None:
            validation = _dataset(held_out).batch(self._test_batch)
        first, last = _recorders(self._model, found)
        draws = FitDraws(self._seed, self._model, self._rules)
        with draws.seeded():
            self._model.fit(
                self._batches(),
                epochs=self._epochs,
                steps_per_epoch=steps,
                shuffle=False,
                verbose=0,
                class_weight=self._class_weight(),
                validation_data=validation,
                callbacks=[draws.first, first, *callbacks, last, draws.last],
            )
        self.unseeded = draws.unseeded
        return found

    def _class_weight(self) -> dict[int, float] | None:
        weights = self._data.class_weight
        if weights is None:
            return None
        # Keras wants a weight for each label from 0 on
        given = class_weights(weights, self._data.train.y, self._data.class_names)
        top = int(class_labels(self._data.train.y).max())
        return {label: given.get(label, 1.0) for label in range(top + 1)}

    def _batches(self) -> "tf.data.Dataset":
        """The batches of all epochs, one after the other; the last one of an epoch may be small."""
        import tensorflow as tf

        rows = self._fold_data.rows
        orders = np.stack([rows[self._order(epoch)] for epoch in range(1, self._epochs + 1)])
        whole = trees.mapped(tf.constant, packed(self._data.train))

        def gathered(order: "tf.Tensor") -> Any:
            return trees.mapped(lambda array: tf.gather(array, order), whole)

        epochs = tf.data.Dataset.from_tensor_slices(orders)
        size = self._batch_size
        chunks = epochs.flat_map(
            lambda order: tf.data.Dataset.from_tensor_slices(order).batch(size)
        )
        return chunks.map(gathered)

    def _order(self, epoch: int) -> "np.ndarray[Any, Any]":
        generator = np.random.default_rng(seed_for(self._seed, "order", epoch))
        return generator.permutation(len(self._fold_data.rows))

    @contextlib.contextmanager
    def _draws(self, epoch: int) -> Iterator[None]:
        """Within, an epoch of the user's `fit` draws as the trainer has it draw."""
        with contextlib.ExitStack() as stack:
            if self._rules.seeds_each_epoch:
                stack.enter_context(random_draws.repeatable(set()))
            random_draws.seed_epoch(self._seed, epoch, self._model, self._rules, own_fit=True)
            yield

    def _by_own_fit(self, callbacks: "Sequence[keras.callbacks.Callback]") -> Curve:
        """Call the user's `fit` as `Problem.fit` documents it."""
        problem, model = self._problem, self._model
        checks = FitChecks(numbered=self._rules.numbers_epochs_in_fit)
        share = self._fold_data.parts(self._data)
        epochs = UserFitLoop(
            problem, self._params, model, share, callbacks, epochs=self._most_epochs, checks=checks
        )
        steps = -(-len(self._fold_data.rows) // self._batch_size)
        given = [] if problem.fit_whole else callbacks
        context = UserCallbacks(given, model, self._most_epochs, steps)
        context.train_begin()
        found: Curve = []
        while len(found) < self._epochs and not context.stopped and not epochs.finished:
            epoch = len(found) + 1
            with self._draws(epoch):
                context.epoch_begin(epoch)
                epochs.begin(epoch)
                metrics = epochs.train(self._fold_data.rows, self._test_batch)
                rate = getattr(model.optimizer, "learning_rate", None) if model.compiled else None
                rates = {}
                if rate is not None:
                    rates = {"learning_rate": float(np.asarray(metrics.pop("learning_rate", rate)))}
                tested = context.test(
                    lambda: epochs.test(batch_size=self._test_batch), called=epochs.test_called
                )
                metrics |= {f"val_{name}": value for name, value in tested.items()}
                found.append(finite(metric_values(context.epoch_end(epoch, metrics))) | rates)
        return found


def _perturb(model: "keras.Model") -> None:
    """Change the weights by what rounding changes a number by, up and down in turn."""
    for variable in model.trainable_variables:
        value = variable.numpy()
        signs = np.where(np.arange(value.size) % 2, -1.0, 1.0).reshape(value.shape)
        variable.assign((value * (1 + _ROUNDING * signs)).astype(value.dtype))


def _recorders(
    model: "keras.Model", found: Curve
) -> "tuple[keras.callbacks.Callback, keras.callbacks.Callback]":
    """Callbacks that note the learning rate before, and the metrics after all other callbacks."""
    import keras

    rates: list[dict[str, float]] = []

    def before(epoch: int, logs: Any) -> None:
        rate = getattr(model.optimizer, "learning_rate", None)
        rates.append({} if rate is None else {"learning_rate": float(np.asarray(rate))})

    def after(epoch: int, logs: Any) -> None:
        found.append(finite(metric_values(logs)) | rates[-1])

    made = keras.callbacks.LambdaCallback
    return made(on_epoch_end=before), made(on_epoch_end=after)


def _dataset(part: Part) -> "tf.data.Dataset":
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(trees.mapped(tf.constant, packed(part)))

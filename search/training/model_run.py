"""One model in training: its epochs, their callbacks, and the state from which it continues."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search.data.parts import Data
from search.problem.problem import Problem
from search.runtime.keras_configuration import KerasConfiguration
from search.seeds import seed_for
from search.space.parameters import Params
from search.state import random_draws
from search.state.older_objects import OlderObjects
from search.state.plain_data import Arrays, Kept
from search.state.trial_state import LateVariables, StateLostError, TrialState
from search.state.variable_values import arrays_of, assign, fits, optimizer_of, variables_of
from search.study.rules import LATEST, TrainingRules
from search.training.callbacks import UserCallbacks, hook, user_callbacks
from search.training.cross_validation import FoldData
from search.training.evaluation import evaluation_rows
from search.training.fit_loop import EpochLoop, FitLoop, averaged, say_fit
from search.training.graph_cache import SharedGraphs
from search.training.graph_loop import GraphLoop
from search.training.metric_values import Logs, metric_values
from search.training.model_building import build_model
from search.training.user_fit import UserFitLoop
from search.training.user_fit_checks import FitChecks

if TYPE_CHECKING:
    import keras

Build: TypeAlias = Callable[[Params], "keras.Model"]


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """The context of a model's training: how it is built, its data and rows, its epoch loops.

    `older`: the objects that are made before `build` is called, and their first state.
    `evaluation_batch_size`: rows in a batch of the evaluation; None: as the model allows.
    `keras`: Keras's configuration as `build` finds it; None leaves it as Keras has it by default.
    `checks`: the checks of a user-defined `fit`.
    """

    build: Build
    data: Data
    fold_data: FoldData
    shared: SharedGraphs
    older: OlderObjects
    evaluation_batch_size: int | None = None
    rules: TrainingRules = LATEST
    keras: KerasConfiguration | None = None
    checks: FitChecks = field(default_factory=FitChecks)


class ModelRun:
    """A model built for a configuration, and trained from epoch to epoch.

    `seed`: of its weights and of the order of its data. `most_epochs`: what it may come to have.

    Models that share a traced graph take turns: `leave` takes this one's values out of the graph's
    model, for another to be trained there, and the next epoch puts them back.
    """

    def __init__(
        self,
        problem: Problem,
        place: TrainingContext,
        params: Params,
        seed: int,
        most_epochs: int,
        folder: Path | None = None,
    ) -> None:
        self._problem = problem
        self._place = place
        self._params = params
        self._seed = seed
        self._batch_size = int(params.get("batch_size", problem.batch_size))
        self._evaluation_rows = place.evaluation_batch_size
        self._most_epochs = most_epochs
        self._folder = folder
        self._prepared: _Prepared | None = None
        self._restored: tuple[Arrays, Kept | None, Arrays] | None = None
        self._away: tuple[Arrays, Kept, Arrays] | None = None
        self._late = LateVariables()
        self._unknown_draws: set[str] = set()
        self._trains = True
        compiled = problem.fit is None
        first = place.data.train.take(slice(self._batch_size))
        self.model, self._older = build_model(
            place, first, problem.space, params, seed, compiled=compiled
        )
        self._own = variables_of(self.model)

    @property
    def parameter_count(self) -> int:
        """How many numbers the model holds, optimizer left out."""
        # not count_params: a model without `call` may not count as built
        return sum(int(np.prod(variable.shape)) for variable in self.model.weights)

    @property
    def older(self) -> frozenset[int]:
        """The identities of the layers, optimizers and variables that are older than the model."""
        return self._older

    @property
    def variable_count(self) -> int:
        """How many arrays `state` has."""
        return len(self._own)

    @property
    def way(self) -> str:
        """How it is trained: "fit", "graph" or "compiled"."""
        return self.ready().epochs.way

    @property
    def stopped(self) -> bool:
        """Whether a callback ended the training, or a `fit` that trains all epochs has ended."""
        own = self._own_epochs
        if own is not None and own.whole and (own.finished or own.unfinished):
            return own.finished
        if self._away is not None:
            return bool(self._away[1]["stopped"])
        if self._prepared is None:
            kept = self._restored[1] if self._restored is not None else None
            return bool(kept and kept["stopped"])
        return self._prepared.callbacks.stopped

    @property
    def unfinished(self) -> bool:
        """Whether the model is trained further than the epochs that were returned."""
        return self._own_epochs is not None and self._own_epochs.unfinished

    @property
    def _own_epochs(self) -> UserFitLoop | None:
        epochs = None if self._prepared is None else self._prepared.epochs
        return epochs if isinstance(epochs, UserFitLoop) else None

    def without_callbacks(self) -> None:
        """Call none of the user's callbacks: the model is evaluated or described, not trained.

        To be called before `restore`.
        """
        self._trains = False

    def restore(self, arrays: Arrays, kept: Kept | None, more: Arrays) -> None:
        """Restore `state` and `kept` in the newly built model; `more`: the arrays of `kept`.

        Raises: UsageError if they are of another model; StateLostError if a part of the state
        cannot be restored.
        """
        self._restored = arrays, kept, more
        self.ready()

    def takes(self, arrays: Arrays) -> bool:
        """Whether these arrays are of this model's shapes."""
        return fits(self._own, arrays)

    def train(self, epoch: int, known: Mapping[str, float] | None = None) -> dict[str, float]:
        """Train the next epoch and evaluate it: all metrics, and the learning rate at its end.

        The order of the data, and all random draws, are functions of (seed, epoch): an epoch
        trained again is the same. `known`: what callbacks see instead of an evaluation, for which
        nothing is left.

        Raises: StateLostError where the training does not create the variables that it had created
        before it was continued.
        """
        prepared = self.ready()
        callbacks = prepared.callbacks
        self.enter()
        with self._watched():
            own_fit, rules = self._problem.fit is not None, self._place.rules
            random_draws.seed_epoch(self._seed, epoch, self.model, rules, own_fit=own_fit)
            callbacks.epoch_begin(epoch)
            epochs = self._compiled_again(prepared).epochs
            batch_size = self._batch_size
            if isinstance(epochs, UserFitLoop):
                epochs.begin(epoch)
                # which evaluates in such batches, and does the rest as it likes
                batch_size = self._evaluation_rows or batch_size
            trained = epochs.train(self._order(epoch), batch_size)
            rate = getattr(optimizer_of(self.model), "learning_rate", None)
            if rate is not None:
                rate = float(np.asarray(trained.pop("learning_rate", rate)))
            if known is None:
                called = isinstance(epochs, UserFitLoop) and epochs.test_called
                tested = callbacks.test(lambda: self._test(epochs), called=called)
                known = {f"val_{name}": value for name, value in tested.items()}
            metrics = metric_values(callbacks.epoch_end(epoch, trained | dict(known)))
        self._late.epoch_trained()
        return metrics if rate is None else metrics | {"learning_rate": rate}

    def _test(self, epochs: EpochLoop) -> Logs:
        with averaged(self.model):
            fold_data, rows = self._place.fold_data, self._evaluation_batch_size()
            return epochs.test(fold_data.first, fold_data.stop, rows)

    def _evaluation_batch_size(self) -> int:
        if self._evaluation_rows is None:  # known once an epoch has made the model's metrics
            self._evaluation_rows = evaluation_rows(self.model, self._batch_size)
        return self._evaluation_rows

    def _order(self, epoch: int) -> Any:
        generator = np.random.default_rng(seed_for(self._seed, "order", epoch))
        rows = self._place.fold_data.rows
        return rows[generator.permutation(len(rows))]

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Within, random draws are repeatable, and variables that are created are noted."""
        with self._late.watch(), contextlib.ExitStack() as stack:
            if self._place.rules.seeds_each_epoch:
                stack.enter_context(random_draws.repeatable(self._unknown_draws))
            yield

    def ready(self) -> "_Prepared":
        """Return what trains the model, created at the first call: inspection needs no graph.

        Raises: StateLostError if the state cannot be restored.
        """
        if self._prepared is None:
            with self._watched():
                self._prepared = self._prepare()
                if self._restored is not None:
                    self._put(*self._restored)
                    self._restored = None
        return self._prepared

    def _prepare(self) -> "_Prepared":
        problem, place = self._problem, self._place
        given = self._user_callbacks()
        epochs: EpochLoop
        if problem.fit is not None:
            share = place.fold_data.parts(place.data)
            epochs = UserFitLoop(
                problem,
                self._params,
                self.model,
                share,
                given,
                epochs=self._most_epochs,
                checks=place.checks,
            )
        else:
            rows = len(place.fold_data.rows)
            self.model, epochs = place.shared.of(
                self.model,
                self._batch_size,
                self._most_epochs,
                hook(given),
                rows=rows,
                share=not self._older,
            )
            self._own = variables_of(self.model)
            if isinstance(epochs, GraphLoop):  # traced for this model, or for one before it
                epochs.unknown_draws |= self._unknown_draws
                self._unknown_draws |= epochs.unknown_draws
        steps = -(-len(place.fold_data.rows) // self._batch_size)
        # one call for all epochs is given the callbacks themselves
        context = given if self._trains and not problem.fit_whole else []
        callbacks = UserCallbacks(context, self.model, self._most_epochs, steps)
        callbacks.train_begin()
        roots = {"model": self.model, "callbacks": given if self._trains else []}
        state = TrialState(roots, self._own, self._late)
        optimizer = optimizer_of(self.model)
        return _Prepared(epochs, callbacks, state, given, optimizer, optimizer)

    def _user_callbacks(self) -> list[Any]:
        """The callbacks of the trial; where none is called, whether they look at batches counts."""
        make = self._problem.callbacks
        if self._trains:
            return user_callbacks(make, self._params, self._folder)
        with tempfile.TemporaryDirectory() as folder:  # one may open its file when it is made
            return user_callbacks(make, self._params, Path(folder))

    def _compiled_again(self, prepared: "_Prepared") -> "_Prepared":
        """What trains from now on, where a callback has compiled the model again: Keras's fit."""
        if self._problem.fit is None and optimizer_of(self.model) is not prepared.optimizer:
            say_fit("a callback compiles the model again")
            epochs = FitLoop(self.model, self._place.data, hook(prepared.given))
            optimizer = optimizer_of(self.model)
            self._prepared = replace(prepared, epochs=epochs, optimizer=optimizer)
        return self.ready()

    def leave(self) -> None:
        """Let another train the model that this one trains, until the next epoch."""
        if self._away is None:
            more: Arrays = []
            state: Kept | None = None
            with contextlib.suppress(StateLostError):  # then nothing shares the model's graph
                # the callbacks stay: they are this model's alone
                state = self.ready().state.kept(more, "model")
            kept = {"stopped": self.stopped, "state": state}
            self._away = arrays_of(self._own), kept, more

    def enter(self) -> None:
        """Take the model that this one trains back, after `leave`."""
        if self._away is not None:
            away, self._away = self._away, None
            self._put(*away)

    def _put(self, arrays: Arrays, kept: Kept | None, more: Arrays) -> None:
        prepared = self.ready()
        assign(self._own, arrays)
        if kept is None:
            return
        self.model.stop_training = kept["stopped"]
        if "callbacks" in kept:  # as checkpoints of format 1 have it
            if self._trains:
                prepared.callbacks.put(kept["callbacks"])
            return
        if kept["state"] is not None:
            self._refuse_constants(kept["state"]["data"])
            prepared.state.put(kept["state"], more, None if self._trains else "model")

    def _refuse_constants(self, data: Kept) -> None:
        """Keras traces in the first epoch that it trains: what is a number then stays as it is."""
        if self.ready().epochs.way != "fit" or self.model.run_eagerly:
            return
        for path in data:
            if path.startswith("model"):
                raise StateLostError(f"{path} changed, and may be a constant in Keras's graph")

    def state(self) -> Arrays:
        """The values of the model's and its optimizer's variables."""
        return arrays_of(self._own) if self._away is None else self._away[0]

    def kept(self, more: Arrays) -> Kept:
        """All other state, callbacks included, as JSON data; arrays are appended to `more`.

        Raises: StateLostError where some of it cannot be kept.
        """
        away = self._away is not None
        self.enter()
        prepared = self.ready()
        if self._unknown_draws:
            names = ", ".join(sorted(self._unknown_draws))
            raise StateLostError(f"random draws by TensorFlow's {names} have an internal state")
        if optimizer_of(self.model) is not prepared.first:
            raise StateLostError("the model was compiled again while it trained")
        kept = {"stopped": self.stopped, "state": prepared.state.kept(more)}
        if away:
            self.leave()
        return kept

    def handed_over(self) -> Arrays:
        """Return the values of the model's variables as the result of a trial that ends now."""
        with averaged(self.model):
            return arrays_of(self.model.variables)

    def hand_over(self) -> None:
        """End the training, and assign the weights that are the result of the trial."""
        handed_over = self.handed_over()
        self.end()  # a callback may change the model then
        assign(self.model.variables, handed_over)

    def end(self) -> None:
        """Tell the callbacks that a budget is used up; nothing may be taken from the model then."""
        if self._prepared is not None and self._trains and self._problem.callbacks is not None:
            self.enter()
            self._prepared.callbacks.train_end()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What trains a model; `optimizer`: the one it trains with, `first`: that of its build."""

    epochs: EpochLoop
    callbacks: UserCallbacks
    state: TrialState
    given: list[Any]
    optimizer: Any
    first: Any

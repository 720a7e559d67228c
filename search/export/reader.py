"""Load an exported model: with Keras, or rebuilt by its problem."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from search.data.parts import Data, Part
from search.data.texts import is_text_dtype, keras_dtype
from search.datasets import base as datasets
from search.errors import DataError, SearchError, StudyChangedError
from search.export.base import ABOUT, MODEL, SERVED, WEIGHTS
from search.problem import import_context
from search.problem import loading as problems
from search.problem.loading import ResolvedProblem
from search.problem.pickling import PickledProblem
from search.problem.problem import Problem
from search.seeds import seed_for
from search.state.seeded_import import seeded_import
from search.study.events import StudyStarted
from search.training.model_steps import as_tensors, is_callable

if TYPE_CHECKING:
    import keras

# errors of Keras for an unknown class, for code that safe mode forbids, for a damaged file
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    ImportError,
    AttributeError,
    NotImplementedError,
)
_Parsed = TypeVar("_Parsed")
_ELSEWHERE = " If the data files are in another folder, pass data_dir."


def restored(
    directory: Path,
    header: StudyStarted,
    problem: Problem | None,
    pickled: PickledProblem | None,
    data_dir: Path | None = None,
) -> "keras.Model":
    """Load the model of an export folder. It predicts like the exported model.

    Keras loads the model in safe mode, so that no code is loaded from a file. If the model has
    classes or functions that are not registered with Keras, the problem rebuilds it, and only the
    weights come from the file. The problem is the given one, or the one that the study names.
    Without a problem, the model is loaded without its loss, and as a last resort as its graph,
    which can only predict. `data_dir`: folder of the data, for a problem with statistics.

    Raises: SearchError when none of this is possible; StudyChangedError when the given problem, or
    the data of its statistics, have changed since the study.
    """
    import keras

    path = directory / MODEL
    if path.is_file():
        with contextlib.suppress(*UNREADABLE):
            return keras.saving.load_model(path, safe_mode=True)
    try:
        found = _problem(header, problem, pickled, data_dir).problem
        return _rebuilt(found, header, directory, data_dir)
    except SearchError:
        if problem is not None:
            raise
        with contextlib.suppress(*UNREADABLE):
            return read_model(directory)[0]
        raise


def read_model(directory: Path) -> tuple["keras.Model", bool]:
    """Return the model of an export without its loss, and whether it is the graph.

    The graph only predicts. It is used if the model has user code that Keras does not know here.

    Raises: the exception of Keras (`UNREADABLE`) if there is no graph either.
    """
    import keras

    path, graph = directory / MODEL, (directory / SERVED).is_dir()
    if path.is_file():
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True), False
        except UNREADABLE:
            if not graph:
                raise
    elif not graph:
        raise FileNotFoundError(path)
    return served(directory), True


def served(directory: Path) -> "keras.Model":
    """Load the SavedModel graph of an export, which needs no user code and can only predict."""
    import keras

    def given(described: Any) -> Any:
        return keras.Input(described["shape"], dtype=keras_dtype(described["dtype"]))

    inputs = structured(_facts(directory)["input"], given)
    layer = keras.layers.TFSMLayer(directory / SERVED, call_endpoint="serve")
    return keras.Model(inputs, layer(inputs))


def _problem(
    header: StudyStarted,
    given: Problem | None,
    pickled: PickledProblem | None,
    data_dir: Path | None,
) -> ResolvedProblem:
    if given is not None and pickled is not None:
        found = ResolvedProblem(pickled.word, given, pickled.digest, ())
    elif pickled is not None and pickled.content is not None:
        found = pickled.opened()
    else:
        seed = seed_for(int(header.config["seed"]), "problem")
        with seeded_import(seed), import_context.told(data_dir):
            found = problems.load(header.config["problem"])
    if not found.has_digest(header.digests["problem"]):
        raise _changed(header, "its problem")
    return found


def _rebuilt(
    problem: Problem, header: StudyStarted, directory: Path, data_dir: Path | None
) -> "keras.Model":
    """Build the model with `build`, and load the weights from the file."""
    import numpy as np

    def zeros(described: Any) -> Any:
        shape = (1, *described["shape"])
        if is_text_dtype(described["dtype"]):
            return as_tensors(np.full(shape, "", object))
        return np.zeros(shape, described["dtype"])

    train = Part((), ())
    if problem.statistics is not None:
        data = _data(problem, data_dir)
        if datasets.digest(data) != header.digests["data"]:
            raise _changed(header, "the data its statistics come from", _ELSEWHERE)
        train = data.train
    facts, weights = _facts(directory), _weights(directory)
    model = problem.builder(train)(facts["params"])
    if not model.built and is_callable(model):
        model(structured(facts["input"], zeros))
    model.built = True  # the layers of a model without a usable `call` build themselves
    if model.compiled:
        model.optimizer.build(model.trainable_variables)  # the file contains its state too
    model.load_weights(weights)
    return model


def _data(problem: Problem, data_dir: Path | None) -> Data:
    try:
        return problem.load(data_dir)
    except SearchError:
        raise
    except Exception as error:  # the loader is user code and may raise anything
        raise DataError(
            f"Cannot load the data for the statistics of problem {problem.name}: "
            f"{type(error).__name__}: {error}.{_ELSEWHERE}"
        ) from error


def _facts(directory: Path) -> dict[str, Any]:
    """Read the parameters and the input description of an export.

    Raises: SearchError for a missing or damaged file.
    """

    def checked(facts: dict[str, Any]) -> dict[str, Any]:
        structured(facts["input"], lambda one: (list(one["shape"]), one["dtype"]))
        return {"params": dict(facts["params"]), "input": facts["input"]}

    return read_facts(directory, "the model's params and input", checked)


def read_facts(directory: Path, what: str, parse: Callable[[dict[str, Any]], _Parsed]) -> _Parsed:
    """What an export says of its model, parsed; `what`: a name for that.

    Raises: SearchError for a file that is missing or damaged.
    """
    path = directory / ABOUT
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{path} is damaged: cannot read {what} ({type(error).__name__}: {error}). Export the "
            "trial again."
        ) from error


def _weights(directory: Path) -> Path:
    for name in (MODEL, WEIGHTS):
        if (directory / name).is_file():
            return directory / name
    raise SearchError(
        f"{directory} has no weights: neither {MODEL} nor {WEIGHTS} exists. Export the trial again."
    )


def structured(described: Any, made: Callable[[Any], Any]) -> Any:
    """Apply `made` to the description of each input, and keep the structure of the inputs."""
    if isinstance(described, dict) and set(described) == {"shape", "dtype"}:
        return made(described)
    if isinstance(described, dict):
        return {name: structured(part, made) for name, part in described.items()}
    return [structured(part, made) for part in described]


def _changed(header: StudyStarted, what: str, hint: str = "") -> StudyChangedError:
    return StudyChangedError(
        f"Cannot rebuild a model of study {header.study}: {what} changed since the study. Undo "
        f"the change.{hint}"
    )

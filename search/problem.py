"""A problem: what is tuned. Data, a function that builds the model, a space, an objective."""

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from search import arrays, lists
from search.class_weights import class_weights
from search.declared import check_kind, check_problem
from search.errors import SearchError, SpaceError, UsageError, unknown_name
from search.objective import Metrics, Objective
from search.parameters import Int, Params
from search.scalars import to_python
from search.space import Space
from search.store import check_name

if TYPE_CHECKING:
    import keras
    import numpy as np

# An array, or a structure of them.
Arrays: TypeAlias = Any
# Params, the model, the data and callbacks: one epoch, its metrics.
Fit: TypeAlias = Callable[..., Metrics]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the data: n examples.

    `x` and `y`: arrays `(n, ...)`, or dictionaries, tuples or lists of them for a model with
    several inputs or outputs, as the model names or orders them; `y` is None for data without
    labels, and the model's `train_step` is then given x, as by `fit(x)`. `weights`: what each
    example counts in the loss and in weighted metrics, `(n,)`, or the structure of `y`; None counts
    all alike. `given`: arrays that are no examples and that `statistics` may hand on to `build`,
    such as an earlier model's weights; they stay with whatever is taken from the part. `columns`:
    the names of the columns of an array of x, by its place ("x", or "x.wide"), for messages.

    Lists of numbers or of texts become arrays.

    Raises: DataError for a list of rows of different lengths, or one of numbers and texts.
    """

    x: Arrays
    y: Arrays | None
    weights: Arrays | None = None
    given: Arrays | None = None
    columns: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        count = lists.count_of(self.y) or lists.count_of(self.x)
        for place in ("x", "y", "weights"):
            object.__setattr__(self, place, lists.as_arrays(getattr(self, place), count))

    @property
    def size(self) -> int:
        """n, the number of examples."""
        return len(arrays.first(self.x))

    def take(self, rows: "slice | np.ndarray[Any, Any]") -> "Part":
        """The examples that `rows` picks, in that order."""

        def picked(array: Any) -> Any:
            return array[rows]

        weights = None if self.weights is None else arrays.mapped(picked, self.weights)
        x, y = arrays.mapped(picked, self.x), arrays.mapped(picked, self.y)
        return replace(self, x=x, y=y, weights=weights)


_PARTS = "write Part(x, y), or make one with search.data"


@dataclass(frozen=True, slots=True)
class Data:
    """Training, validation and test parts, as a client of the finished model would feed them.

    `test` is touched once, by the winner. `class_names[k]` says what label k means.
    `class_weight`: what a training example of each label counts in the loss (1.0 for a label that
    is left out), by label or by class name, or "balanced": n / (classes * examples of the class).
    It is for a model with one output, and goes with no weights of the training part.

    Raises: UsageError for what is no `Part`, for both kinds of weights at once, and for class
    weights that do not fit the labels of the training part.
    """

    train: Part
    validation: Part
    test: Part | None = None
    class_names: tuple[str, ...] = ()
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        for place, part in (("train", self.train), ("validation", self.validation)):
            check_kind(f"Data's {place}", part, Part, _PARTS)
        if self.test is not None:
            check_kind("Data's test", self.test, Part, _PARTS)
        if self.class_weight is not None and self.train.weights is not None:
            raise UsageError(
                "data must have class_weight or weights of the training part, got both; multiply "
                "them into the weights"
            )
        if self.class_weight is not None:
            checked = class_weights(self.class_weight, self.train.y, self.class_names)
            object.__setattr__(self, "class_weight", checked)


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


@dataclass(frozen=True, slots=True)
class LoadedProblem:
    """A problem, the word it was asked for by, and the files that define it, its own first.

    `sources`: names and contents, all of one folder; `source_digest`: one over all of them.
    """

    word: str
    problem: Problem
    source_digest: str
    sources: tuple[tuple[str, bytes], ...]


def names() -> list[str]:
    """The problems in `spaces/`: one per file whose name has no leading underscore."""
    package = importlib.import_module("spaces")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")


def load(word: str) -> LoadedProblem:
    """The problem that a word on the command line means.

    `word`: a file name in `spaces/`, a path to a `.py` file, or `package.module:NAME`. The folder
    of a `.py` file stays importable in this process, as that of a script is: `build` may import
    from it late.

    Raises: UsageError when there is no such problem, naming the nearest one; when the file defines
    none; or when it cannot be imported, naming file and line.
    """
    attribute = "PROBLEM"
    if word.endswith(".py"):
        path = Path(word).absolute()
        if not path.is_file():
            raise UsageError(f"problem file must exist, got {word!r}; check the path")
        with _named(word):
            module = _from_path(path)
    elif word.startswith("<"):
        raise UsageError(
            f"problem {word} was given from Python and lies in no file; go on there, with "
            "search.resume(STUDY, problem) or search.load(STUDY, problem=problem)"
        )
    elif ":" in word:
        target, _, attribute = word.partition(":")
        with _named(word):
            module = importlib.import_module(target)
    elif word in names():
        with _named(word):
            module = importlib.import_module(f"spaces.{word}")
    else:
        raise unknown_name("problem", word, names())
    problem = getattr(module, attribute, None)
    if not isinstance(problem, Problem):
        raise UsageError(f"{word}: must define {attribute} = Problem(...), got {problem!r}; add it")
    with _named(word):
        files = sources(Path(str(module.__file__)))
    return LoadedProblem(word, problem, digest(files), files)


def word_of(name: str) -> str:
    """What stands for a problem that was given from Python where others have their word.

    >>> word_of("mine")
    '<mine>'
    """
    return f"<{name}>"


def _from_path(path: Path) -> ModuleType:
    name = f"search_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no Python source: {path}")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        # in front, as for a script: the file's neighbours go before what is installed
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _named(word: str) -> Iterator[None]:
    """Make whatever ends the import of a problem one line that names its place."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a problem file is the user's code: anything may come
        # str() of a SyntaxError would repeat the place
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        reason = f"{type(error).__name__}: {' '.join(said.split())}"
        place = _place(error)
        if isinstance(error, SearchError) and place is not None:
            raise UsageError(f"{place}: {error}") from error
        if place is None:
            remedy = "check the path" if word.endswith(".py") else "check package.module:NAME"
            raise UsageError(
                f"problem {word!r} must be importable, got {reason}; {remedy}"
            ) from error
        raise UsageError(f"{place}: must be importable, got {reason}; correct it") from error


def _place(error: BaseException) -> str | None:
    """The file and line of the user's that an error comes from; None where no file was reached.

    That is the innermost call in the problem's own folder, not the library's that it led to.
    """
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}, line {error.lineno}" if error.lineno else error.filename
    machinery = (__file__, importlib.__file__)
    calls = [
        call
        for call in traceback.extract_tb(error.__traceback__)
        if call.filename not in machinery and Path(call.filename).is_file()
    ]
    if not calls:
        return None
    folder = Path(calls[0].filename).parent
    own = [call for call in calls if Path(call.filename).parent == folder]
    return f"{own[-1].filename}, line {own[-1].lineno}"


def sources(file: Path) -> tuple[tuple[str, bytes], ...]:
    """The problem's file, and the files beside it that it imports, in turn."""
    todo = [file]
    seen: dict[Path, bytes] = {}
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        for node in ast.walk(ast.parse(seen[path], filename=str(path))):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported += [f"{node.module or ''}.{alias.name}" for alias in node.names]
            beside = (path.parent / f"{name.rpartition('.')[2]}.py" for name in imported)
            todo += [candidate for candidate in beside if candidate.is_file()]
    return tuple((path.name, content) for path, content in seen.items())


def digest(sources: tuple[tuple[str, bytes], ...]) -> str:
    """SHA-256 of the files, whatever folder they lie in."""
    digest = hashlib.sha256()
    for name, content in sorted(sources):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()

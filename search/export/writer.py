"""From a trial to a model on disk that takes the problem's raw inputs."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data import texts, trees
from search.data.parts import Data
from search.errors import SearchError, UsageError, unknown_name
from search.export.base import Exported
from search.runtime import serialization
from search.runtime.folders import whole_folder
from search.study.leaderboard import spread
from search.study.study_record import StudyRecord, TrialRecord
from search.training.model_steps import is_callable
from search.training.output_kinds import output_kinds

if TYPE_CHECKING:
    import keras

FORMATS = ("keras", "savedmodel")
ABOUT = "export.json"
MODEL = "model.keras"
WEIGHTS = "model.weights.h5"
SERVED = "model"  # a SavedModel
PICTURES = ("network.svg", "examples.svg", "confusion.csv")
EXAMPLE_ROWS = 3

# More facts, and more files by their names, for an export whose model is written.
Additions: TypeAlias = tuple[Mapping[str, Any], Mapping[str, bytes]]


def about(
    record: StudyRecord, trial: TrialRecord, data: Data, test: dict[str, float] | None
) -> dict[str, Any]:
    """What stands beside an exported model: its origin, its input, what its labels mean."""
    header = record.header
    return {
        "problem": header.problem,
        "study": header.study,
        "trial": trial.trial,
        "params": dict(trial.params),
        "objective": {"metric": header.objective.metric, "direction": header.objective.direction},
        "score": trial.score,
        "best_epoch": trial.best_epoch,
        "test": test,
        "verified": None,
        "reason": "",
        "class_names": list(data.class_names),
        "input": trees.mapped(_input, data.train.x),
        "versions": dict(header.versions),
        **_cross_validated(record, trial),
    }


def _cross_validated(record: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    """How far the score may be trusted, and on what the model was trained, where it was on more."""
    cv = record.header.config.get("cv")
    if cv is None:
        return {}
    return {"cv": cv, "spread": spread(record, trial), "trained_on": "training and validation data"}


def _input(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape[1:]), "dtype": texts.dtype_of(array)}


def write(
    model: "keras.Model",
    directory: Path,
    facts: dict[str, Any],
    kind: str = "keras",
    added: Callable[[Path], Additions] = lambda _: ({}, {}),
) -> Path:
    """Write a model and its facts as a folder: `model.keras`, or a SavedModel in `model/`.

    `added`: given the folder with the model and these facts before it gets its name; what it
    returns is added.

    A model with code of the user's is written both ways, so that it can be used without that code;
    one that Keras cannot describe, as `model.weights.h5` and a SavedModel. The folder appears whole
    or not at all; one that an export made earlier is replaced.

    Raises: UsageError for an unknown format or a folder that holds something else; SearchError
    when it cannot be written.
    """
    if kind not in FORMATS:
        raise unknown_name("format", kind, FORMATS)
    if directory.exists() and any(directory.iterdir()) and not (directory / ABOUT).is_file():
        raise UsageError(
            f"--to must be a new folder or an earlier export, got {directory}; choose another"
        )
    try:
        with whole_folder(directory) as temporary:
            served = kind != "keras" or not _described(model, temporary)
            if served and (kind != "keras" or is_callable(model)):
                _serve(model, temporary / SERVED)
            facts = facts | {"format": kind, "outputs": output_kinds(model)}
            _write_facts(temporary, facts)
            more, files = added(temporary)
            _write_facts(temporary, facts | dict(more))
            for name, content in files.items():
                (temporary / name).write_bytes(content)
    except OSError as error:
        raise SearchError(f"cannot write {directory}: {error.strerror or error}") from error
    return directory


def _write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    (folder / ABOUT).write_text(json.dumps(facts, indent=2) + "\n")


def _serve(model: "keras.Model", folder: Path) -> None:
    """Write a model's graph.

    Raises: SearchError for a model without one.
    """
    if not is_callable(model):
        raise SearchError(
            f"{type(model).__name__} has no `call` that takes its inputs alone, so that there is "
            "no graph to export; use --format keras"
        )
    model.export(folder, verbose=False)


def _described(model: "keras.Model", folder: Path) -> bool:
    """Write the model as Keras does; whether Keras alone can make it again."""
    try:
        model.save(folder / MODEL)
    except (NotImplementedError, TypeError, ValueError):  # a class without a usable get_config
        (folder / MODEL).unlink(missing_ok=True)
        model.save_weights(folder / WEIGHTS)
        return False
    with zipfile.ZipFile(folder / MODEL) as written:
        # what was just serialized: again, a matrix in a config would take seconds
        return serialization.only_keras(json.loads(written.read("config.json")))


def winner(directory: Path, data: Data) -> Exported:
    """The exported winner of a study, with the first raw inputs of the validation data."""
    pictures = tuple(path for path in map(directory.joinpath, PICTURES) if path.is_file())
    example = texts.as_objects(data.validation.take(slice(EXAMPLE_ROWS)).x)
    return Exported(directory, example, pictures)


def is_up_to_date(record: StudyRecord, best: TrialRecord, directory: Path) -> bool:
    """Whether the winner has been judged and exported, at the epoch it now hands over."""
    if record.winner_evaluation is None or record.winner_evaluation.trial != best.trial:
        return False
    try:
        facts = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
        return (facts["trial"], facts["best_epoch"]) == (best.trial, best.best_epoch)
    except (OSError, ValueError, KeyError, TypeError):
        return False

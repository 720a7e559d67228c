"""Export the model of a trial, which takes the problem's raw inputs, to a folder."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data import texts, trees
from search.data.parts import Data
from search.errors import SearchError, UsageError, unknown_name
from search.export.base import ABOUT, FORMATS, MODEL, PICTURES, SERVED, WEIGHTS, Exported
from search.runtime import serialization
from search.runtime.folders import whole_folder
from search.study.leaderboard import spread
from search.study.printed_commands import how_to_make_room
from search.study.study_record import StudyRecord, TrialRecord
from search.training.model_steps import is_callable
from search.training.output_kinds import output_kinds

if TYPE_CHECKING:
    import keras

EXAMPLE_ROWS = 3

# More facts, and more files by name, that are added after the model is written.
Additions: TypeAlias = tuple[Mapping[str, Any], Mapping[str, bytes]]


def about(
    record: StudyRecord, trial: TrialRecord, data: Data, test: dict[str, float] | None
) -> dict[str, Any]:
    """Return the facts for `export.json`: origin, input and class names of the model."""
    header = record.header
    return {
        "problem": header.problem,
        "study": header.study,
        "trial": trial.trial,
        "params": dict(trial.params),
        "objective": header.objective.plain,
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
    """Return the spread of the score and the training data under cross-validation."""
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
    """Write a model and its facts to a folder: `model.keras`, or a SavedModel in `model/`.

    `added`: called with the temporary folder after the model is written; its result is added.

    A model with user code is written in both formats, so that it can be used without the code. A
    model that Keras cannot serialize is written as `model.weights.h5` and a SavedModel. The folder
    is written atomically; an existing export is replaced.

    Raises: UsageError for an unknown format or a folder with other files; SearchError when the
    folder cannot be written.
    """
    if kind not in FORMATS:
        raise unknown_name("format", kind, FORMATS)
    if directory.exists() and any(directory.iterdir()) and not (directory / ABOUT).is_file():
        raise UsageError(
            f"--to {directory} contains other files than an export. Choose another folder."
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
        room = how_to_make_room(directory, error)
        raise SearchError(f"Cannot write {directory}: {error.strerror or error}{room}") from error
    return directory


def _write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    (folder / ABOUT).write_text(json.dumps(facts, indent=2) + "\n")


def _serve(model: "keras.Model", folder: Path) -> None:
    """Write a model as a SavedModel graph.

    Raises: SearchError for a model without a usable `call`.
    """
    if not is_callable(model):
        raise SearchError(
            f"{type(model).__name__} has no `call` that takes only its inputs, so there is no "
            "graph to export. Use --format keras."
        )
    model.export(folder, verbose=False)


def _described(model: "keras.Model", folder: Path) -> bool:
    """Save the model with Keras. Return whether Keras can load it without user code."""
    try:
        model.save(folder / MODEL)
    except (NotImplementedError, TypeError, ValueError):  # a class without a usable get_config
        (folder / MODEL).unlink(missing_ok=True)
        model.save_weights(folder / WEIGHTS)
        return False
    with zipfile.ZipFile(folder / MODEL) as written:
        # the saved config: serializing again takes seconds if the config has a large array
        return serialization.only_keras(json.loads(written.read("config.json")))


def winner(directory: Path, data: Data) -> Exported:
    """Return the exported winner of a study, with the first raw validation inputs."""
    pictures = tuple(path for path in map(directory.joinpath, PICTURES) if path.is_file())
    example = texts.as_objects(data.validation.take(slice(EXAMPLE_ROWS)).x)
    return Exported(directory, example, pictures)


def is_up_to_date(record: StudyRecord, best: TrialRecord, directory: Path) -> bool:
    """Return whether the winner is already evaluated and exported, with its current best epoch."""
    if record.winner_evaluation is None or record.winner_evaluation.trial != best.trial:
        return False
    try:
        facts = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
        return (facts["trial"], facts["best_epoch"]) == (best.trial, best.best_epoch)
    except (OSError, ValueError, KeyError, TypeError):
        return False

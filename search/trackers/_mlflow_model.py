"""The winner as a registered MLflow model that takes the problem's raw inputs."""

import contextlib
import importlib.metadata
import io
import json
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.data import texts, trees
from search.errors import SearchWarning
from search.export.base import Exported
from search.runtime import serialization
from search.study.study_record import StudyRecord

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient

REQUIREMENTS = ("mlflow", "keras", "tensorflow", "numpy")
_MODEL_ID = "search.model_id"
_LONGEST_DIGEST = 36  # of a data set, in MLflow


def registered_name(problem: str) -> str:
    """The name of the problem's model; MLflow refuses "/" and ":" there.

    >>> registered_name("my/problem: 2")
    'my-problem- 2'
    """
    return re.sub(r"[/:'\"`]", "-", problem)


def register(
    client: "MlflowClient",
    experiment_id: str,
    run_id: str,
    record: StudyRecord,
    exported: Exported,
) -> None:
    """Log the winner's model on the parent run and register it; once for each winner and score.

    Raises: any exception of Keras or MLflow if the exported model cannot be loaded or stored.
    """
    best = record.best()
    if best is None or best.best_epoch is None:
        return
    header = record.header
    tags = {
        "search.study": header.study,
        "search.created": str(header.created_ms),
        "search.trial": best.trial,
        "search.score": repr(best.score),
        "search.best_epoch": str(best.best_epoch),
    }
    name = registered_name(header.problem)
    model_id = _registered(client, name, tags)
    if model_id is None:
        loaded, graph = _model(exported)
        if graph and isinstance(exported.example, Mapping | list | tuple):
            # mlflow 3.17.2, keras/save.py: the graph it writes takes one input
            warnings.warn(
                f"the model of {header.study} is not registered with MLflow: it has several inputs "
                "and code that is not Keras's, of which MLflow keeps no graph",
                SearchWarning,
                stacklevel=2,
            )
            return
        params = {key: str(value) for key, value in best.params.items()}
        model = client.create_logged_model(
            experiment_id, name=name, source_run_id=run_id, params=params, tags=tags
        )
        with tempfile.TemporaryDirectory() as folder:
            _save(
                folder, (loaded, graph), exported, run_id, model.model_id, model.artifact_location
            )
            client.log_model_artifacts(model.model_id, folder)
        client.finalize_logged_model(model.model_id, "READY")
        model_id = model.model_id
        # The SQL registry of mlflow 3.17.2 looks up models:/ in the process's default store, which
        # may be another one (it makes ./mlflow.db); a server needs models:/ to allow the place.
        remote = client.tracking_uri.startswith("http")
        source = f"models:/{model_id}" if remote else model.artifact_location
        _version(client, name, model_id, source, run_id, tags)
    _link(client, run_id, model_id)


def _registered(client: "MlflowClient", name: str, tags: dict[str, str]) -> str | None:
    """The model that was registered for this very winner before."""
    for version in client.search_model_versions(f"name = '{name}'"):
        if tags.items() <= version.tags.items():
            return str(version.tags[_MODEL_ID])
    return None


def _version(
    client: "MlflowClient",
    name: str,
    model_id: str,
    source: str,
    run_id: str,
    tags: dict[str, str],
) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = tags | {_MODEL_ID: model_id}  # SQL registries forget the model_id of a version
    client.create_model_version(name, source, run_id=run_id, tags=tags, model_id=model_id)


def _link(client: "MlflowClient", run_id: str, model_id: str) -> None:
    """Show the model on the run, where it is not there yet (after a rebuild the run is new)."""
    from mlflow.entities import LoggedModelOutput

    outputs = client.get_run(run_id).outputs
    if outputs is None or model_id not in {output.model_id for output in outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])


def _save(
    folder: str,
    loaded: tuple["keras.Model", bool],
    exported: Exported,
    run_id: str,
    model_id: str,
    location: str,
) -> None:
    """Write MLflow's folder: the model as Keras saves it, or a SavedModel for foreign classes."""
    import keras

    with warnings.catch_warnings():
        # mlflow 3.17.2 warns of its own type hints when mlflow.pyfunc is imported.
        warnings.filterwarnings("ignore", ".*type hint is inferred as AnyType", UserWarning)
        import mlflow.keras
        import mlflow.pyfunc
        from mlflow.models import Model, infer_signature

    model, graph = loaded
    prediction = trees.mapped(keras.ops.convert_to_numpy, model(exported.example, training=False))
    # a subclassed model has no named inputs
    example = _by_name(trees.mapped(_shown, exported.example), getattr(model, "inputs", None))
    outputs = _by_name(prediction, getattr(model, "outputs", None))
    # Requirements are given: MLflow would find them by running the model in another process (5 s).
    # Keras tells standard output of each SavedModel; that is where the results of a command go.
    about = Model(artifact_path=location, model_uuid=model_id, run_id=run_id, model_id=model_id)
    alone = not isinstance(example, Mapping | list | tuple)
    served = alone and texts.is_text(example)
    with contextlib.redirect_stdout(io.StringIO()):
        mlflow.keras.save_model(
            model,
            folder,
            save_exported_model=graph and not served,
            mlflow_model=about,
            signature=infer_signature(example, outputs),
            input_example=example,
            pip_requirements=[
                f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS
            ],
        )
        if served:
            # Keras 3.15's `predict` takes few arrays of texts, a graph takes them all; MLflow 3.17
            # writes no graph for a signature of texts, and reads one (keras/load.py)
            taken = keras.InputSpec(shape=(None, *example.shape[1:]), dtype=texts.STRING)
            graph_folder = Path(folder) / "data" / "model"
            model.export(graph_folder, verbose=False, input_signature=[taken])
            about.flavors["keras"]["save_exported_model"] = True
            about.save(Path(folder) / "MLmodel")


def _shown(array: Any) -> Any:
    """An array of texts as MLflow makes a signature of it that TensorFlow knows: of str."""
    return array.astype(str) if texts.is_text(array) else array


def _model(exported: Exported) -> tuple["keras.Model", bool]:
    """The winner's model, and whether it must be registered as a graph: it has the user's code.

    Where that code is not registered with Keras, which reads no code from a file in safe mode, the
    model is the graph that the export holds. Not compiled in either case: a client predicts, and
    must not need the user's losses and metrics for that.
    """
    from search.export.reader import read_model

    model, graph = read_model(exported.directory)
    return model, graph or not only_keras(model)


def _by_name(structure: Any, tensors: Any) -> Any:
    """Several arrays as MLflow takes them: by the names that the model has for them."""
    if not isinstance(structure, list | tuple):
        return structure
    names = [tensor._keras_history.operation.name for tensor in tensors or ()]
    names = names or [str(index) for index in range(len(structure))]
    return dict(zip(names, structure, strict=True))


def only_keras(model: "keras.Model") -> bool:
    """Return whether Keras can load the model without user code."""
    import keras

    return serialization.only_keras(keras.saving.serialize_keras_object(model))


def log_dataset(client: "MlflowClient", run_id: str, problem: str, digest: str) -> None:
    """Name the data that the run was trained on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"tags": {"search.problem": problem, "search.digest.data": digest}})
    data = Dataset(problem, digest[:_LONGEST_DIGEST], source_type="code", source=source)
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(data, [context])])

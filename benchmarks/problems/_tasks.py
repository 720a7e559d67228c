"""The two lists of trials that every contender trains: their models, epochs and data."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from search import Choice, Objective, Problem, Space
from search.data.parts import Data, Part
from search.datasets import fashion_mnist
from search.space.parameters import Params

if TYPE_CHECKING:
    import keras

Configuration: TypeAlias = Mapping[str, Any]

CONFIGURATIONS = Path(__file__).parent.parent / "configurations.json"
HOUSING_ROWS = (11_610, 3_870, 5_160)
HOUSING_DIGEST = "d3d8a1a722ae78f91134862727d27a70b1415e7d512a89140406248687f4b902"
SPLIT_SEED = 42
QUICK_ROWS = (640, 320, 320)


@dataclass(frozen=True, slots=True)
class Task:
    """A list of trials; a trial's score is `metric` after its last epoch."""

    name: str
    configurations: tuple[Configuration, ...]
    epochs: int
    batch_size: int
    metric: Literal["val_accuracy", "val_loss"]
    rows: tuple[int, int, int] | None = None

    @property
    def direction(self) -> Literal["max", "min"]:
        """Which way the metric is better."""
        return "max" if self.metric == "val_accuracy" else "min"


def task(name: str, *, quick: bool = False) -> Task:
    """The task "twelve" or "regression"; quick: two configurations, one epoch, a few rows.

    Raises: KeyError for any other name.
    """
    whole = {"twelve": _twelve, "regression": _regression}[name]()
    if not quick:
        return whole
    few = (whole.configurations[0], whole.configurations[-1])
    return replace(whole, configurations=few, epochs=1, rows=QUICK_ROWS)


def _twelve() -> Task:
    file = json.loads(CONFIGURATIONS.read_text(encoding="utf-8"))
    configurations = tuple(file["configurations"])
    return Task("twelve", configurations, file["epochs"], file["batch_size"], "val_accuracy")


def _regression() -> Task:
    """30 ways to train an 8-30-1 network: optimizers, learning rates and activations."""
    points = itertools.product(
        ("sgd", "momentum", "adam"), (0.0005, 0.001, 0.002, 0.005, 0.01), ("relu", "tanh")
    )
    configurations = tuple(
        {"hidden": [30], "activation": a, "optimizer": o, "learning_rate": r} for o, r, a in points
    )
    return Task("regression", configurations, 20, 32, "val_loss")


def load(of: Task, data_dir: Path | None) -> Data:
    """Its data as they come: images as uint8, or standardized float32 columns."""
    whole = fashion_mnist.load(data_dir) if of.name == "twelve" else _housing(data_dir)
    if of.rows is None or whole.test is None:
        return whole
    parts = (whole.train, whole.validation, whole.test)
    few = (Part(p.x[:n], p.y[:n]) for p, n in zip(parts, of.rows, strict=True))
    return Data(*few, whole.class_names)


def scaled(data: Data) -> Data:
    """Images as floats from 0 to 1, as the documents of the peers have them; columns as they are.

    Here the platform scales inside the model, and the peers before the search begins.
    """
    if data.train.x.dtype != np.uint8:
        return data
    parts = (data.train, data.validation)
    return Data(*(Part(p.x.astype("float32") / 255, p.y) for p in parts))


def build(of: Task, configuration: Configuration, *, raw: bool = False) -> "keras.Model":
    """A compiled model; `raw`: it takes images as uint8 and scales them itself."""
    import keras

    model = keras.Sequential([*_front(of, raw=raw), *_dense(of, configuration)])
    loss = "mse" if of.metric == "val_loss" else "sparse_categorical_crossentropy"
    metrics = ["accuracy"] if of.metric == "val_accuracy" else None
    model.compile(optimizer=_optimizer(configuration), loss=loss, metrics=metrics)
    return model


def _front(of: Task, *, raw: bool) -> list[Any]:
    import keras

    if of.name == "regression":
        return [keras.Input((8,))]
    layers = [keras.Input((28, 28), dtype="uint8" if raw else "float32")]
    if raw:
        layers.append(keras.layers.Rescaling(1 / 255))
    return [*layers, keras.layers.Flatten()]


def _dense(of: Task, configuration: Configuration) -> list[Any]:
    import keras

    activation = configuration.get("activation", "relu")
    layers = [keras.layers.Dense(width, activation) for width in configuration["hidden"]]
    last = (1, None) if of.name == "regression" else (10, "softmax")
    return [*layers, keras.layers.Dense(*last)]


def _optimizer(configuration: Configuration) -> Any:
    import keras

    rate = configuration["learning_rate"]
    if configuration["optimizer"] == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, 0.9 if configuration["optimizer"] == "momentum" else 0.0)


def housing_file(data_dir: Path | None) -> Path | None:
    """`cal_housing.data` in this folder or its subfolder `california-housing`, if it is there.

    Raises: ValueError when it is another file.
    """
    places = [] if data_dir is None else [data_dir, data_dir / "california-housing"]
    for place in places:
        path = place / "cal_housing.data"
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != HOUSING_DIGEST:
                raise ValueError(f"{path}: must be StatLib's table; get it again")
            return path
    return None


def source(of: Task, data_dir: Path | None) -> str:
    """Which data these are, for the record."""
    if of.name == "twelve":
        return "Fashion-MNIST"
    return "synthetic" if housing_file(data_dir) is None else "California housing"


def _housing(data_dir: Path | None) -> Data:
    """Rows of 8 columns, standardized by the training part and cut off at 4 deviations."""
    path = housing_file(data_dir)
    generator = np.random.default_rng(SPLIT_SEED)
    x, y = _synthetic(generator) if path is None else _columns(path)
    order = generator.permutation(len(x))
    ends = np.cumsum(HOUSING_ROWS)
    rows = np.split(order, ends[:-1])
    mean, deviation = x[rows[0]].mean(axis=0), x[rows[0]].std(axis=0)
    # a few blocks have hundreds of people per household: cut off, no learning rate diverges
    x = np.clip((x - mean) / deviation, -4, 4).astype("float32")
    return Data(*(Part(x[part], y[part].astype("float32")) for part in rows))


def _columns(path: Path) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """What scikit-learn's fetch_california_housing makes of the table."""
    table = np.loadtxt(path, delimiter=",")
    longitude, latitude, age, rooms, bedrooms, population, households, income, value = table.T
    per_household = (rooms / households, bedrooms / households, population / households)
    columns = (income, age, *per_household[:2], population, per_household[2], latitude, longitude)
    return np.stack(columns, axis=1), value / 100_000


def _synthetic(
    generator: np.random.Generator,
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """A table of the same shape: smooth in 8 columns, with noise."""
    x = generator.normal(size=(sum(HOUSING_ROWS), 8))
    noise = generator.normal(scale=0.3, size=len(x))
    y = (
        2
        + 0.8 * x[:, 0]
        + np.sin(x[:, 1])
        + 0.5 * x[:, 2] * x[:, 3]
        - 0.3 * np.abs(x[:, 4])
        + noise
    )
    return x, y


def problem(of: Task) -> Problem:
    """The task as a problem of this platform: every epoch is trained, the last one counts."""

    def built(params: Params) -> "keras.Model":
        return build(of, of.configurations[int(params["configuration"])], raw=True)

    return Problem(
        name=of.name,
        space=Space(Choice("configuration", tuple(range(len(of.configurations))))),
        objective=Objective(of.metric, of.direction, score_at="last"),
        load=lambda data_dir: load(of, data_dir),
        build=built,
        batch_size=of.batch_size,
        patience=None,
        max_epochs=of.epochs,
    )

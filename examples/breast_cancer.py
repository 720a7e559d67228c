"""Breast cancer (scikit-learn, 569 tumours, 30 measurements, 2 classes): a small network."""

from pathlib import Path
from typing import TYPE_CHECKING

from search import Choice, Data, Float, Int, Objective, Params, Part, Problem, Space

if TYPE_CHECKING:
    import keras
    from sklearn.preprocessing import StandardScaler

SPACE = Space(
    Int("layers", 1, 2),
    Int("neurons", 8, 64, log=True, levels=(8, 64), per="layers", shapes=("same", "free")),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0.0, 0.9, step=0.3, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-3, 1e-1, log=True, levels=3),
)


def load(data_dir: Path | None) -> Data:
    """Train on 60 %, validate on 20 %, test on 20 %; `x: (n, 30) float32` as measured."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    found = load_breast_cancer()
    x, y = found.data.astype("float32"), found.target.astype("int64")
    x, rest_x, y, rest_y = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    validation_x, test_x, validation_y, test_y = train_test_split(
        rest_x, rest_y, test_size=0.5, random_state=0, stratify=rest_y
    )
    return Data(
        train=Part(x, y),
        validation=Part(validation_x, validation_y),
        test=Part(test_x, test_y),
        class_names=tuple(map(str, found.target_names)),
    )


def statistics(train: Part) -> "StandardScaler":
    """Mean and deviation of each column of the training part."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(train.x)


def build(params: Params, scaler: "StandardScaler") -> "keras.Model":
    """A compiled network that takes the 30 measurements as they come."""
    import keras

    scaling = keras.layers.Normalization(mean=scaler.mean_, variance=scaler.var_)
    model = keras.Sequential([keras.Input((30,)), scaling])
    for neurons in SPACE.per_layer(params, "neurons"):
        model.add(keras.layers.Dense(neurons, "relu"))
    model.add(keras.layers.Dense(2, "softmax"))
    rate = float(params["learning_rate"])
    if params["optimizer"] == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=float(params["momentum"]))
    else:
        optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="breast_cancer",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=load,
    build=build,
    statistics=statistics,
    baseline={"layers": 1, "neurons_1": 16, "optimizer": "adam", "learning_rate": 0.001},
    description="scikit-learn's breast cancer (30 measurements, 2 classes), small network",
)

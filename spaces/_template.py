"""A problem of your own: it runs as it is. Make it yours from the top down.

python -m search run THIS_FILE.py --backend randomized --trials 10
"""

from pathlib import Path
from typing import TYPE_CHECKING

from search import Choice, Data, Float, Int, Objective, Part, Problem, Space
from search.parameters import Params

if TYPE_CHECKING:
    import keras
    from sklearn.preprocessing import StandardScaler

# What is searched. Int and Float have a range, Choice has options; `log=True` for what spans powers
# of ten. `per="layers"` gives each layer its own. `when=` makes a parameter exist only beside those
# values of another. `levels` are what a grid visits.
SPACE = Space(
    Int("layers", 1, 3),
    Int(
        "neurons", 8, 64, log=True, levels=(8, 64), per="layers", shapes=("same", "free", "funnel")
    ),
    Choice("activation", ("relu", "tanh")),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0.0, 0.9, step=0.3, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-3, 1e-1, log=True, levels=3),
)


def load(data_dir: Path | None) -> Data:
    """The data, as a user of the finished model would feed them: `x: (n, 13)` raw measurements.

    Put yours here: `np.load(...)`, `pd.read_csv(...)`, with paths below `data_dir` (`--data-dir`)
    or beside this file. Every call must give the same data. The test part is optional; only the
    winner meets it, once.
    """
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    wine = load_wine()
    x, y = wine.data.astype("float32"), wine.target.astype("int64")
    x, rest_x, y, rest_y = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    validation_x, test_x, validation_y, test_y = train_test_split(
        rest_x, rest_y, test_size=0.5, random_state=0, stratify=rest_y
    )
    return Data(
        train=Part(x, y),
        validation=Part(validation_x, validation_y),
        test=Part(test_x, test_y),
        class_names=tuple(map(str, wine.target_names)),
    )


def statistics(train: Part) -> "StandardScaler":
    """What is fitted on training data alone; leave it out where there is nothing to fit."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(train.x)


def build(params: Params, scaler: "StandardScaler") -> "keras.Model":
    """A compiled model that takes the raw data: scaling is its first layer.

    `params` holds one value for each active parameter. Without `statistics`, take `params` alone.
    """
    import keras  # here, not above: the command line answers without TensorFlow

    scaling = keras.layers.Normalization(mean=scaler.mean_, variance=scaler.var_)
    model = keras.Sequential([keras.Input((13,)), scaling])
    for neurons in SPACE.per_layer(params, "neurons"):
        model.add(keras.layers.Dense(neurons, params["activation"]))
    model.add(keras.layers.Dense(3, "softmax"))
    rate = float(params["learning_rate"])
    if params["optimizer"] == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=float(params["momentum"]))
    else:
        optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name=Path(__file__).stem,
    space=SPACE,
    # a metric by Keras's name, measured on the validation part: "max" or "min"
    objective=Objective("val_accuracy", "max"),
    load=load,
    build=build,
    statistics=statistics,
    # the settings you use today: trial 0 of every study, so that you see what is gained
    baseline={
        "layers": 1,
        "neurons_1": 16,
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.01,
    },
    batch_size=16,  # or put an Int "batch_size" into the space
    max_epochs=9,  # of a trial; leave it out where the space has an Int "epochs"
    patience=3,  # epochs without improvement before a trial stops; None: never
    description="wine (13 measurements, 3 classes), a small network",
)

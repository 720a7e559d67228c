"""Fashion-MNIST from where `fashion` ended: its lower layers are reused, the rest is searched."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import Choice, Data, Float, Int, Objective, Part, Problem, Space
from search.datasets import fashion_mnist
from search.parameters import Params
from spaces import _earlier, _mlp

if TYPE_CHECKING:
    import keras

EARLIER = "fashion"

SPACE = Space(
    Choice("reused", (0, 1, 2)),
    Choice("frozen", (True, False), when={"reused": (1, 2)}),
    Choice("layers", (0, 1, 2)),
    Int("neurons", 50, 200, log=True, levels=(50, 200), per="layers", shapes=("same", "free")),
    Choice("activation", ("relu", "selu", "tanh"), per="layers", shapes=("same",)),
    Float("dropout", 0.0, 0.2, step=0.1, levels=(0.0, 0.2)),
    Choice("optimizer", ("sgd", "nesterov", "adam")),
    Float("learning_rate", 3e-4, 3e-2, log=True, levels=(1e-3, 1e-2)),
    Choice("batch_size", (32, 64, 128)),
)


def load(data_dir: Path | None) -> Data:
    """Fashion-MNIST, and beside the training part the layers of an earlier winner.

    So they reach every worker that the data reach, and a study is held to them as to its data.

    Raises: DataError where no study of `fashion` has left a model.
    """
    given = _earlier.layers(_earlier.find(EARLIER, data_dir))
    data = fashion_mnist.load(data_dir)
    return replace(data, train=replace(data.train, given=given))


def statistics(train: Part) -> Any:
    """The layers that came with the training part."""
    return train.given


def build(params: Params, earlier: dict[str, Any]) -> "keras.Model":
    """A compiled network that takes images `(n, 28, 28) uint8` as they come.

    Its first `reused` layers (or all that the earlier model has) begin with that model's weights,
    and keep them where `frozen`.
    """
    import keras

    known = earlier["layers"][: int(params["reused"])]
    reused = [
        keras.layers.Dense(
            len(layer["bias"]),
            str(layer["activation"]),
            trainable=not params["frozen"],
            name=f"reused_{index}",
        )
        for index, layer in enumerate(known, start=1)
    ]
    new = _mlp.hidden(
        SPACE.per_layer(params, "neurons"),
        SPACE.per_layer(params, "activation"),
        dropout=float(params["dropout"]),
    )
    front = _mlp.flat_images((28, 28), "uint8", 1 / 255)
    name = f"from_{earlier['study']}"
    last = keras.layers.Dense(10, "softmax")
    model = keras.Sequential([*front, *reused, *new, last], name=name)
    for mine, layer in zip(reused, known, strict=True):
        mine.set_weights([layer["kernel"], layer["bias"]])
    return _mlp.compiled(model, str(params["optimizer"]), float(params["learning_rate"]))


PROBLEM = Problem(
    name="fashion_transfer",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=load,
    build=build,
    statistics=statistics,
    baseline={
        "reused": 0,
        "layers": 2,
        "neurons_shape": "same",
        "neurons_1": 100,
        "activation_shape": "same",
        "activation_1": "relu",
        "dropout": 0.0,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": 32,
    },
    max_epochs=9,
    description="Fashion-MNIST, lower layers reused from the model of an earlier study of fashion",
)

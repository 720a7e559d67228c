"""What the problems on California housing share: data, space, scaling, layers, loss."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search import Choice, Data, Float, Int, Objective, Part, Problem, Space, arrays
from search.datasets import california_housing
from search.parameters import Parameter, Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

Moments: TypeAlias = tuple[list[float], list[float]]
"""The means and the variances of an input's columns."""

WIDE = slice(0, 5)
DEEP = slice(2, 8)
"""The columns of the two inputs; some go both ways, as in the course."""
LIMIT = 4.0
"""How many deviations from its mean a value may lie. A few districts have hundreds of people per
household: cut off, they leave no learning rate that diverges because of them alone."""

MAX_EPOCHS = 27
PATIENCE = 5
BASELINE: dict[str, int | float | str] = {
    "layers": 1,
    "neurons_1": 30,
    "activation": "relu",
    "optimizer": "sgd",
    "learning_rate": 0.003,
    "batch_size": 32,
}


def space(*more: Parameter) -> Space:
    """The space of every network here, with what one of them has besides."""
    return Space(
        Int("layers", 1, 3),
        Int(
            "neurons",
            30,
            120,
            log=True,
            levels=(30, 120),
            per="layers",
            shapes=("same", "free", "funnel"),
        ),
        Choice("activation", ("relu", "elu", "selu", "tanh")),
        Choice("optimizer", ("sgd", "nesterov", "adam", "nadam")),
        Float("learning_rate", 5e-4, 3e-2, log=True, levels=(1e-3, 1e-2)),
        Choice("batch_size", (32, 64, 128)),
        *more,
    )


SPACE = space()
SPACE_FOR_TWO = space(Float("main_weight", 0.5, 0.9, step=0.1, levels=(0.5, 0.9)))


def load_two_inputs(data_dir: Path | None) -> Data:
    """The columns as two inputs: `x: {"wide": (n, 5), "deep": (n, 6)}` of float32."""
    return _each_part(california_housing.load(data_dir), _two_inputs)


def load_two_outputs(data_dir: Path | None) -> Data:
    """Two inputs, and the target for both outputs: `y: {"main": (n,), "auxiliary": (n,)}`."""
    return _each_part(load_two_inputs(data_dir), _two_outputs)


def statistics(train: Part) -> Any:
    """The Moments of the training part: one pair, or one for each input by its name."""
    return arrays.mapped(_moments, train.x)


def scaling(moments: Moments) -> list["keras.Layer"]:
    """Layers that standardise the columns and cut them off at LIMIT deviations."""
    import keras

    mean, variance = moments
    return [
        keras.layers.Normalization(mean=mean, variance=variance),
        keras.layers.Rescaling(1 / LIMIT),
        keras.layers.Activation("hard_tanh"),
        keras.layers.Rescaling(LIMIT),
    ]


def hidden(space: Space, params: Params) -> list["keras.Layer"]:
    """The hidden layers that the params ask for."""
    widths = space.per_layer(params, "neurons")
    return _mlp.hidden(widths, [str(params["activation"])] * len(widths))


def through(layers: Sequence["keras.Layer"], tensor: Any) -> Any:
    """What comes out of the last of the layers."""
    for layer in layers:
        tensor = layer(tensor)
    return tensor


def two_paths(
    space: Space, params: Params, moments: dict[str, Moments]
) -> tuple[dict[str, Any], Any, Any]:
    """The inputs by name, the end of the deep path, and wide and deep side by side."""
    import keras

    inputs = {
        "wide": keras.Input((WIDE.stop - WIDE.start,), name="wide"),
        "deep": keras.Input((DEEP.stop - DEEP.start,), name="deep"),
    }
    wide = through(scaling(moments["wide"]), inputs["wide"])
    deep = through([*scaling(moments["deep"]), *hidden(space, params)], inputs["deep"])
    return inputs, deep, keras.layers.Concatenate()([wide, deep])


def compiled(model: "keras.Model", params: Params) -> "keras.Model":
    """The model, compiled for the squared error of one output."""
    model.compile(_optimizer(params), "mse")
    return model


def compiled_for_two(model: "keras.Model", params: Params) -> "keras.Model":
    """The model, compiled for the squared errors of both outputs, weighted as the params say."""
    weight = float(params["main_weight"])
    model.compile(
        _optimizer(params),
        loss={"main": "mse", "auxiliary": "mse"},
        loss_weights={"main": weight, "auxiliary": round(1 - weight, 6)},
        metrics={"main": ["mse"], "auxiliary": ["mse"]},
    )
    return model


def one_output(
    name: str,
    build: Callable[[Params, Any], "keras.Model"],
    description: str,
    load: Callable[[Path | None], Data] = california_housing.load,
) -> Problem:
    """A problem whose model has one output; its score is the mean squared error."""
    return Problem(
        name=name,
        space=SPACE,
        objective=Objective("val_loss", "min"),
        load=load,
        build=build,
        statistics=statistics,
        baseline=BASELINE,
        patience=PATIENCE,
        max_epochs=MAX_EPOCHS,
        description=f"California housing (8 measurements, regression), {description}",
    )


def two_outputs(
    name: str, build: Callable[[Params, Any], "keras.Model"], description: str
) -> Problem:
    """A problem whose model has a main and an auxiliary output; the main one's error counts.

    The loss is no measure here: it changes with the weights that are searched.
    """
    return replace(
        one_output(name, build, description, load_two_outputs),
        space=SPACE_FOR_TWO,
        objective=Objective("val_main_mse", "min"),
        baseline={**BASELINE, "main_weight": 0.9},
    )


def _optimizer(params: Params) -> Any:
    return _mlp.optimizer(str(params["optimizer"]), float(params["learning_rate"]))


def _each_part(data: Data, change: Callable[[Part], Part]) -> Data:
    test = None if data.test is None else change(data.test)
    return replace(data, train=change(data.train), validation=change(data.validation), test=test)


def _two_inputs(part: Part) -> Part:
    return replace(part, x={"wide": part.x[:, WIDE], "deep": part.x[:, DEEP]})


def _two_outputs(part: Part) -> Part:
    return replace(part, y={"main": part.y, "auxiliary": part.y})


def _moments(columns: Any) -> Moments:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(columns)
    return scaler.mean_.tolist(), scaler.var_.tolist()

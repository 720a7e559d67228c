"""Models with code of the user's own, as a problem file holds them; `kind` says which."""

from typing import TYPE_CHECKING

import keras

from search import Choice, Int, Objective, Problem, Space
from search.parameters import Params
from tests.problems.few import few_digits

if TYPE_CHECKING:
    from keras import KerasTensor

SPACE = Space(
    Choice("kind", ("layer", "lambda", "subclassed", "undescribed")),
    Int("neurons", 4, 16),
)


class Noisy(keras.layers.Layer):
    """A layer with an argument and weights of its own, described by get_config."""

    def __init__(self, deviation: float, **named: object) -> None:
        super().__init__(**named)
        self.deviation = deviation
        self.seeds = keras.random.SeedGenerator(1)

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.gain = self.add_weight(shape=shape[1:], initializer="ones", name="gain")

    def call(self, x: "KerasTensor", training: bool = False) -> "KerasTensor":
        if training:
            x = x + keras.random.normal(keras.ops.shape(x), 0, self.deviation, seed=self.seeds)
        return x * self.gain

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "deviation": self.deviation}


class Network(keras.Model):
    """A subclassed model that says how it is made."""

    def __init__(self, neurons: int, **named: object) -> None:
        super().__init__(**named)
        self.neurons = neurons
        self.flat = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(neurons, own_activation)
        self.out = keras.layers.Dense(10, "softmax")

    def call(self, x: "KerasTensor") -> "KerasTensor":
        return self.out(self.hidden(self.flat(x)))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "neurons": self.neurons}


class Undescribed(keras.Model):
    """A subclassed model that does not."""

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.flat = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(neurons, own_activation)
        self.out = keras.layers.Dense(10, "softmax")

    def call(self, x: "KerasTensor") -> "KerasTensor":
        return self.out(self.hidden(self.flat(x)))


def own_activation(x: "KerasTensor") -> "KerasTensor":
    return x * keras.ops.sigmoid(1.7 * x)


def own_loss(true: "KerasTensor", said: "KerasTensor") -> "KerasTensor":
    return 2 * keras.losses.sparse_categorical_crossentropy(true, said)


def build(params: Params) -> keras.Model:
    dense, neurons = keras.layers.Dense, params["neurons"]
    between = [keras.layers.Lambda(lambda x: x / 16)]
    if params["kind"] == "layer":
        between = [Noisy(0.1), keras.layers.Activation(own_activation)]
    if params["kind"] == "subclassed":
        model = Network(neurons)
    elif params["kind"] == "undescribed":
        model = Undescribed(neurons)
    else:
        flat = [keras.Input((8, 8)), keras.layers.Flatten(), dense(neurons, "relu")]
        model = keras.Sequential([*flat, *between, dense(10, "softmax")])
    model.compile("adam", own_loss, metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="own_code",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=few_digits,
    build=build,
    max_epochs=1,
)

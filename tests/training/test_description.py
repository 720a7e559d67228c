"""What is recorded of a model's architecture: every way to write one, in few bytes."""

import json

import keras
import pytest
from keras import layers

from search.study.architecture import Layer, Network, chain, from_plain, plain
from search.study.event_json import decode, encode
from search.study.events import Entry, Told
from search.study.trial import Completed
from search.training.architecture import described
from spaces import fashion, housing_subclassed, housing_two_outputs
from tests.problems import two_parts


def test_a_sequential_model_is_a_chain_and_takes_few_bytes():
    network = described(fashion.build(fashion.PROBLEM.baseline))
    assert network is not None
    assert [layer.kind for layer in network.layers] == [
        *("InputLayer", "Rescaling", "Flatten", "Dense", "Dense", "Dense"),
    ]
    assert network.layers[3] == Layer("Dense", (300,), 235500, "relu", (2,))
    assert network.parameters == 266610
    assert chain(network) == "28x28 > 300 relu > 100 relu > 10 softmax"
    text = json.dumps(plain(network), separators=(",", ":"))
    assert len(text) < 200
    assert from_plain(json.loads(text)) == network


def test_several_inputs_and_outputs_keep_their_names_and_ways():
    network = described(two_parts.build({"neurons": 4, "main_weight": 0.5}))
    assert network is not None
    upper, whole, join, scale, hidden, digit, odd = network.layers
    assert (upper.name, upper.inbound) == ("upper", ())
    assert (whole.name, whole.inbound) == ("whole", ())
    assert (join.kind, join.inbound, join.shape) == ("Concatenate", (0, 1), (96,))
    assert (scale.inbound, hidden.inbound) == ((2,), (3,))
    assert (digit.name, digit.inbound, digit.activation) == ("digit", (4,), "softmax")
    assert (odd.name, odd.inbound, odd.activation) == ("odd", (4,), "sigmoid")
    assert network.outputs == [5, 6]
    assert from_plain(plain(network)) == network


def test_a_convolution_tells_its_kernel_and_a_skip_goes_round():
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = layers.Dropout(0.25)(layers.Conv2D(4, (1, 3), padding="same")(x))
    x = layers.MaxPooling2D(2)(x + y)
    inner = keras.Sequential([keras.Input((64,)), layers.Dense(3), layers.Dense(2)], name="inner")
    network = described(keras.Model(inputs, inner(layers.Flatten()(x))))
    assert network is not None
    assert [layer.kind for layer in network.layers] == [
        *("InputLayer", "Conv2D", "Conv2D", "Dropout", "Add"),
        *("MaxPooling2D", "Flatten", "Sequential"),
    ]
    assert [layer.note for layer in network.layers] == [
        *("", "3x3", "1x3", "0.25", "", "2x2", "", "2 layers"),
    ]
    assert network.layers[4].inbound == (1, 3)
    assert network.layers[7] == Layer("Sequential", (2,), 203, "", (6,), "2 layers", "inner")


def test_a_subclass_gives_its_layers_as_found_and_says_so():
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [layers.Dense(3, "tanh"), layers.Dense(4)]
            self.odd = Odd()

        def call(self, x):
            return self.odd(self.hidden[1](self.hidden[0](x)))

    class Odd(layers.Layer):
        def call(self, x):
            return x + keras.ops.ones_like(x)

    model = Own()
    model(keras.ops.zeros((1, 2)))
    network = described(model)
    assert network == Network(
        (Layer("Dense", (3,), 9, "tanh"), Layer("Dense", (4,), 16), Layer("Odd", name="odd")), "Own"
    )
    assert from_plain(plain(network)) == network


@pytest.mark.parametrize("problem", [housing_two_outputs, housing_subclassed])
def test_wide_and_deep_is_told_written_either_way(problem):
    import numpy as np

    x = {"wide": np.zeros((1, 5), "float32"), "deep": np.zeros((1, 6), "float32")}
    moments = {name: (array[0], array[0] + 1) for name, array in x.items()}
    model = problem.build(problem.PROBLEM.baseline, moments)
    model(x)
    network = described(model)
    assert network is not None
    assert network.parameters == model.count_params()
    named = {layer.name for layer in network.layers} - {""}
    assert {"main", "auxiliary"} <= named
    assert network.subclass == ("WideDeep" if problem is housing_subclassed else "")


def test_a_model_that_cannot_be_told_is_left_out():
    class Broken(layers.Dense):
        def count_params(self) -> int:
            raise RuntimeError("not counted")

    assert described(keras.Sequential([keras.Input((2,)), Broken(1)])) is None


def test_a_line_of_the_journal_holds_it_and_one_without_is_read():
    network = Network((Layer("InputLayer", (4,)), Layer("Dense", (3,), 15, "softmax", (0,))))
    told = Entry(1.0, Told("1", Completed(0.5, 1, 1, 0.1, 15, network=network)))
    assert '"network":[["InputLayer",[4]],["Dense",[3],15,"softmax"]]' in encode(told)
    assert decode(encode(told)) == told
    bare = Entry(1.0, Told("1", Completed(0.5, 1, 1, 0.1, 15)))
    assert "network" not in encode(bare)
    assert decode(encode(bare)) == bare

"""Whether a trial's epochs are compiled by XLA: a rule over its model, never over time or place.

Compiling costs some tenths of a second, on slow machines a second or two, for every new model and
saves 0.05 to 0.3 ms in every step, most where an optimizer passes over the weights several times;
`docs/benchmarks.md` has the figures. Results differ from the plain graph's within rounding, so what
the rule says must be the same in every budget of a trial and in every worker.
"""

from typing import TYPE_CHECKING

from search.state.model_fingerprint import own_code

if TYPE_CHECKING:
    import keras

# Layers whose compiled form is fast on a CPU and draws no random numbers: convolutions become many
# times slower, dropout masks come out differently and slowly.
_LAYERS = {
    *("InputLayer", "Rescaling", "Normalization", "Flatten", "Reshape", "Permute", "Identity"),
    *("Dense", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"),
    *("BatchNormalization", "LayerNormalization", "UnitNormalization"),
    *("Concatenate", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
}
# Steps of a trial from which on compiling pays, for an optimizer that keeps a state and hardly any
# weights; each such number of weights more makes a step's gain larger by as much again.
_STEPS = 7_000
_WEIGHTS = 100_000
# What a step of plain SGD gains beside that, which passes over the weights once.
_PLAIN = 0.7


def compiles(model: "keras.Model", steps: int) -> bool:
    """Whether XLA compiles the model's epochs, in a study whose trials have up to `steps` steps.

    Always where the model was compiled with `jit_compile=True`, as Keras itself chooses on GPUs.
    """
    import keras

    if model.jit_compile:
        return True
    optimizer = model.optimizer
    if not (keras_own(model) and keras_own(optimizer) and all(map(_fast, model.layers))):
        return False
    plain = type(optimizer) is keras.optimizers.SGD and not optimizer.momentum
    gain = _PLAIN if plain else 1 + model.count_params() / _WEIGHTS
    return bool(steps * gain >= _STEPS)


def keras_own(thing: object) -> bool:
    """Whether an object's class is one of Keras's own, and no method of it was replaced."""
    if type(thing).__module__.split(".")[0] != "keras":
        return False
    replaced = (name for name in vars(thing) if hasattr(type(thing), name))
    return not any(own_code(vars(thing)[name]) for name in replaced)


def _fast(layer: "keras.Layer") -> bool:
    return (
        keras_own(layer)
        and type(layer).__name__ in _LAYERS
        and layer.compute_dtype == layer.variable_dtype
    )

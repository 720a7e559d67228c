"""Hypermodels as KerasTuner's guides have them: loops, branches, scopes, a fit of their own.

The structure of each is that of a documented example; the data are scikit-learn's digits.
"""

import keras
import keras_tuner
import numpy as np
from keras import layers

from search import Data, Part
from search.datasets import digits


def load(data_dir=None) -> Data:
    whole = digits.load(None)
    few = Part(whole.train.x[:300] / 16, whole.train.y[:300])
    some = Part(whole.validation.x[:100] / 16, whole.validation.y[:100])
    return Data(few, some, Part(whole.test.x[:100] / 16, whole.test.y[:100]))


def compiled(model, rate=1e-3):
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def layered(hp):
    """Layers in a loop, one choice for all of them, a dropout that may be, a rate on a log scale.

    It begins with no Input, as the guide's does.
    """
    model = keras.Sequential([layers.Flatten()])
    for index in range(hp.Int("num_layers", 1, 3)):
        units = hp.Int(f"units_{index}", min_value=8, max_value=32, step=8)
        model.add(layers.Dense(units, activation=hp.Choice("activation", ["relu", "tanh"])))
    if hp.Boolean("dropout"):
        model.add(layers.Dropout(rate=0.25))
    model.add(layers.Dense(10, activation="softmax"))
    return compiled(model, hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log"))


def scoped(hp):
    """Two kinds of model, each with hyperparameters in a scope of its own; names with a slash."""
    model = keras.Sequential([keras.Input((8, 8))])
    kind = hp.Choice("model type", ["mlp", "cnn"])
    with hp.conditional_scope("model type", ["mlp"]):
        if kind == "mlp":
            model.add(layers.Flatten())
            model.add(layers.Dense(hp.Int("mlp/units", 8, 32, step=8), activation="relu"))
    with hp.conditional_scope("model type", ["cnn"]):
        if kind == "cnn":
            model.add(layers.Reshape((8, 8, 1)))
            model.add(layers.Conv2D(hp.Int("cnn/filters", 2, 8, step=2), 3, activation="relu"))
            model.add(layers.GlobalAveragePooling2D())
    rate = hp.Float("rate", 0.1, 0.5, step=0.2, parent_name="model type", parent_values=["mlp"])
    if rate is not None:
        model.add(layers.Dropout(rate))
    model.add(layers.Dense(10, activation="softmax"))
    return compiled(model)


class Fitting(keras_tuner.HyperModel):
    """Hyperparameters of the training are asked for in `fit`, which may change the inputs too."""

    def build(self, hp):
        model = keras.Sequential([layers.Flatten()])
        model.add(layers.Dense(hp.Int("units", 8, 32, step=8), activation="relu"))
        model.add(layers.Dense(10, activation="softmax"))
        return compiled(model)

    def fit(self, hp, model, x, y, **kwargs):
        if hp.Boolean("normalize"):
            x = layers.Normalization()(x)
        return model.fit(
            x,
            y,
            shuffle=hp.Boolean("shuffle"),
            batch_size=hp.Choice("batch_size", [16, 32]),
            **kwargs,
        )


class Scoring(keras_tuner.HyperModel):
    """The score is computed after the training, and is all that `fit` returns."""

    def build(self, hp):
        model = keras.Sequential([layers.Flatten()])
        model.add(layers.Dense(hp.Int("units", 8, 32, step=8), activation="relu"))
        model.add(layers.Dense(10))
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    def fit(self, hp, model, x, y, validation_data, **kwargs):
        model.fit(x, y, epochs=hp.Int("epochs", 1, 4), **kwargs)
        images, labels = validation_data
        return float(np.mean(model.predict(images, verbose=0).argmax(1) != labels))


class Looping(keras_tuner.HyperModel):
    """A training loop from scratch, on a model that is not compiled; metrics come as a dict."""

    def build(self, hp):
        inputs = keras.Input((8, 8))
        hidden = layers.Dense(hp.Int("units", 8, 32, step=8), "relu")(layers.Flatten()(inputs))
        return keras.Model(inputs, layers.Dense(10)(hidden))

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        import tensorflow as tf

        size = hp.Int("batch_size", 50, 100, step=50, default=50)
        train = tf.data.Dataset.from_tensor_slices((x, y)).batch(size)
        optimizer = keras.optimizers.Adam(
            hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
        )
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function
        def step(images, labels):
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(images, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        for images, labels in train:
            loss = step(images, labels)
        images, labels = validation_data
        return {"loss": float(loss), "val_loss": float(loss_of(labels, model(images)))}


class Tuner(keras_tuner.RandomSearch):
    """A whole workflow in one call."""

    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.Float("x", -1.0, 1.0) ** 2

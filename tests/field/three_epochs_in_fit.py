"""A hypermodel whose fit trains three epochs in one call: the remark must reach the user."""

import keras
import keras_tuner

from search.kerastuner.hypermodel import from_hypermodel
from tests.field.tables import data, table

x, y = table(200)


class Three(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
        model.compile(
            keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1)),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    def fit(self, hp, model, x, y, validation_data=None, **kw):
        return model.fit(x, y, validation_data=validation_data, epochs=3, verbose=0)


PROBLEM = from_hypermodel(Three(), data(x, y), "val_accuracy", name="three")

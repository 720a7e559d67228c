"""Real kinds of models and calls, each by a minimal input with the right value."""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from search import Data, Int, Part
from search.data.from_arrays import part, split
from search.errors import SearchError, SearchWarning, UsageError
from search.kerastuner.hypermodel import from_hypermodel
from search.runtime.clock import SystemClock
from search.study.trial import Budget, Decision, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.fit_loop import weighted
from search.training.trainer import KerasTrainer
from tests.field.tables import RATE, data, dense, problem, table, train

X, Y = table(200)


@pytest.mark.parametrize(
    "name",
    [
        "f1_score",
        "fbeta_score",
        "r2_score",
        "cosine_similarity",
        "pearson_correlation",
        "concordance_correlation",
        "binary_io_u",
        "dice",
    ],
)
def test_c01_a_metric_that_is_better_when_large_is_not_minimised(name):
    try:
        found = from_hypermodel(
            lambda hp: dense(rate=hp.Float("rate", 1e-3, 1e-1)), data(X, Y), f"val_{name}", name="p"
        ).objective
    except UsageError as error:
        assert "Objective(" in str(error)  # asked for: as good
    else:
        assert found.direction == "max"


def test_c02_the_handed_over_model_does_what_was_scored():
    x = (1000 + 500 * X).astype("float32")
    mean, std = x[:120].mean(0), x[:120].std(0)

    def fit(params, model, d, callbacks):
        held = ((d.validation.x - mean) / std, d.validation.y)
        h = model.fit(
            (d.train.x - mean) / std,
            d.train.y,
            epochs=20,
            validation_data=held,
            verbose=0,
            callbacks=callbacks,
        )
        return {k: v[-1] for k, v in h.history.items()}

    p = problem(lambda params: dense(), data(x, Y), ("val_accuracy", "max"), fit=fit)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        folder = CheckpointFolder(Path(tempfile.mkdtemp()), "me")
        trainer = KerasTrainer(p, p.load(None), folder, SystemClock(), patience=None, most_epochs=9)
        task = Task(Proposal("1", RATE, Budget(0, 1)), 7)
        work = trainer.train(task)
        report = next(work)
        with pytest.raises(StopIteration):
            work.send(Decision.CONTINUE)
        model = trainer.restored(Task(task.proposal, 7, (report,)), 1)
    d = p.load(None)
    raw = model.evaluate(d.validation.x, d.validation.y, verbose=0, return_dict=True)["accuracy"]
    assert said or abs(raw - report.metrics["val_accuracy"]) < 1e-6


def test_c03_a_schedule_made_in_fit_goes_on():
    class Own(keras_tuner.HyperModel):
        def build(self, hp):
            return dense(rate=hp.Float("rate", 1e-3, 1e-1))

        def fit(self, hp, model, x, y, callbacks=(), **kw):
            rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 * 0.5**epoch)
            return model.fit(x, y, callbacks=[*callbacks, rates], **kw)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        p = from_hypermodel(Own(), data(X, Y), "val_accuracy", name="p")
    curve, _ = train(p, RATE, (0, 3))
    assert said or np.allclose([e["learning_rate"] for e in curve], [0.1, 0.05, 0.025])


def test_c04_a_range_up_to_another_parameter_stays_one_parameter():
    def build(hp):
        limit = hp.Int("limit", 10, 100)
        hp.Int("hp1", 0, limit)
        return dense()

    with pytest.warns(SearchWarning, match="hp1_share is searched"):
        p = from_hypermodel(build, data(X, Y), "val_accuracy", name="p", most_builds=40)
    assert len(p.space.nodes) == 2  # or a UsageError that says what to write


def test_c04_values_stay_in_the_range_that_was_asked_for():
    seen = []

    def build(hp):
        low = hp.Float("low", 1e-4, 5e-2)
        seen.append((low, hp.Float("rate", low, 1e-1)))
        return dense()

    with pytest.warns(SearchWarning, match="rate_share is searched"):
        p = from_hypermodel(build, data(X, Y), "val_accuracy", name="p")
    seen.clear()
    for u in np.linspace(0.05, 0.95, 7):
        p.build({n.name: n.parameter.at(u if n.name == "low" else 1 - u) for n in p.space.nodes})
    assert all(low <= rate for low, rate in seen), seen


def test_c05_epochs_stay_in_the_users_range():
    from search.engine.resolve import _capped

    try:
        capped = _capped(Int("epochs", 20, 200, step=10), 9)
    except SearchError as error:
        assert "max-epochs" in str(error)
    else:
        assert capped.low >= 20


@pytest.mark.parametrize("weight", [{"no": 1.0, "yes": 20.0}, {2: 5.0}, {"1": 20.0}])
def test_c06_a_key_of_class_weight_that_is_no_label_is_refused(weight):
    texts = np.where(np.arange(200) % 10 == 0, "yes", "no")
    try:
        counts = weighted(split(part(X, texts), class_weight=weight)).weights
    except SearchError as error:
        assert "class_weight" in str(error)
    else:
        assert weight.keys() == {"no", "yes"}
        assert set(counts) == {1.0, 20.0}


def test_c06_balanced_is_computed_or_refused_in_one_line():
    texts = np.where(np.arange(200) % 10 == 0, "yes", "no")
    try:
        counts = weighted(split(part(X, texts), class_weight="balanced")).weights
    except SearchError:
        return
    assert np.isclose(counts.max() / counts.min(), 9.0)


def test_c07_a_policy_set_at_the_top_of_the_file_is_there_in_build():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        seen = []

        def build(params):
            seen.append(keras.config.dtype_policy().name)
            return dense()

        train(problem(build, data(X, Y)), RATE, (0, 1))
        assert seen == ["mixed_bfloat16"]
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "metric",
    [lambda: keras.metrics.F1Score(), lambda: keras.metrics.Precision(thresholds=[0.3, 0.5])],
)
def test_c08_a_metric_by_class_fails_no_trial(metric):
    p = problem(
        lambda params: dense("categorical_crossentropy", ["accuracy", metric()]),
        data(X, np.eye(3, dtype="float32")[Y]),
        ("val_accuracy", "max"),
    )
    curve, _ = train(p, RATE, (0, 1))
    assert "val_accuracy" in curve[0]


def test_c09_nan_in_another_metric_than_the_objective_fails_no_trial():
    def precision(y_true, y_pred):
        said = keras.ops.cast(y_pred > 0.999, "float32")
        return keras.ops.sum(said * y_true) / keras.ops.sum(said)

    y = (X[:, :1] > 0).astype("float32")
    p = problem(
        lambda params: dense("binary_crossentropy", [precision], units=1, activation="sigmoid"),
        data(X, y),
    )
    with pytest.warns(SearchWarning, match="'precision' is not finite"):
        curve, outcome = train(p, RATE, (0, 2))
    assert len(curve) == 2
    assert type(outcome).__name__ == "Completed"


def test_c10_a_stateful_network_trains_and_is_evaluated_in_its_batches():
    r = np.random.default_rng(0)
    x = r.normal(size=(160, 5, 1)).astype("float32")
    y = x.mean(1)

    def build(params):
        i = keras.Input(batch_shape=(32, 5, 1))
        model = keras.Model(i, keras.layers.Dense(1)(keras.layers.LSTM(4, stateful=True)(i)))
        model.compile("adam", "mse")
        return model

    d = Data(Part(x[:64], y[:64]), Part(x[64:128], y[64:128]), Part(x[128:], y[128:]))
    curve, _ = train(problem(build, d), RATE, (0, 1))
    assert np.isfinite(curve[0]["val_loss"])  # or a refusal in one line before the first trial


@pytest.mark.parametrize("size", [16, 64])
def test_c11_a_loss_over_the_batch_is_validated_in_the_trials_batches(size):
    def contrast(y_true, y_pred):
        scores = keras.ops.matmul(y_pred, keras.ops.transpose(y_pred))
        return keras.losses.sparse_categorical_crossentropy(
            keras.ops.arange(keras.ops.shape(scores)[0]), scores, from_logits=True
        )

    def build(params):
        model = keras.Sequential(
            [keras.Input((8,)), keras.layers.Dense(3, kernel_initializer="zeros")]
        )
        model.compile(keras.optimizers.SGD(1e-9), contrast)
        return model

    x = np.random.default_rng(0).normal(size=(640, 8)).astype("float32")
    d = Data(Part(x[:320], x[:320, 0]), Part(x[320:], x[320:, 0]))
    curve, _ = train(problem(build, d, batch_size=size), RATE, (0, 1))
    assert abs(curve[0]["val_loss"] - np.log(size)) < 0.05  # as fit has it


def test_c13_a_model_without_call_is_refused_in_one_line_or_trained():
    class Generator(keras.Model):
        def __init__(self):
            super().__init__()
            self.net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
            self.tracker = keras.metrics.Mean(name="g_loss")

        @property
        def metrics(self):
            return [self.tracker]

        def train_step(self, batch):
            self.tracker.update_state(tf.reduce_mean(self.net(batch[0])))
            return {"g_loss": self.tracker.result()}

    def build(params):
        model = Generator()
        model.compile("adam")
        return model

    try:
        curve, _ = train(problem(build, data(X, Y), ("g_loss", "min")), RATE, (0, 1))
    except SearchError as error:
        assert "call" in str(error)
    else:
        assert "g_loss" in curve[0]


class Second(keras.Sequential):
    """Its optimizer hangs on it as an attribute, as a GAN's do."""

    def train_step(self, batch):
        x, y = batch
        with tf.GradientTape() as tape:
            p = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=p)
        self.second.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self._loss_tracker.update_state(loss)
        return self.get_metrics_result()


class Annealed(keras.Sequential):
    def compute_loss(self, *a, **kw):
        return self.beta * super().compute_loss(*a, **kw)


class Noise(keras.layers.Layer):
    def call(self, x, training=False):
        return x + tf.random.normal(tf.shape(x)) if training else x


def test_c14_a_promoted_trial_equals_a_straight_one_with_an_optimizer_as_attribute():
    def build(params):
        model = Second([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
        model.second = keras.optimizers.Adam(0.01)
        model.second.build(model.trainable_variables)
        model.compile(loss="sparse_categorical_crossentropy")
        return model

    p = problem(build, data(X, Y))
    assert train(p, RATE, (0, 4))[0] == train(p, RATE, (0, 2), (2, 4))[0]


def test_c14_with_a_variable_of_its_own():
    class Grow(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.beta.assign(self.model.beta * 2)

    def build(params):
        model = Annealed([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
        model.beta = tf.Variable(0.1, trainable=False)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    p = problem(build, data(X, Y), callbacks=lambda params: [Grow()])
    assert train(p, RATE, (0, 4))[0] == train(p, RATE, (0, 2), (2, 4))[0]


def test_c14_with_random_numbers_of_tensorflow():
    def build(params):
        model = keras.Sequential([keras.Input((8,)), Noise(), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    p = problem(build, data(X, Y))
    assert train(p, RATE, (0, 4))[0] == train(p, RATE, (0, 2), (2, 4))[0]


def test_x1_remarks_of_a_hypermodel_are_shown_on_the_command_line(tmp_path):
    folder = Path(__file__).parent
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "search",
            "run",
            str(folder / "three_epochs_in_fit.py"),
            "--backend",
            "randomized",
            "--trials",
            "1",
            "--max-epochs",
            "1",
            "--workers",
            "1",
            "--store",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0
    assert "3 epochs in one call" in done.stderr


def test_x2_a_baseline_goes_to_the_range_of_its_branch():
    def build(hp):
        if hp.Choice("optimizer", ["adam", "sgd"]) == "adam":
            hp.Float("rate", 1e-4, 1e-2, sampling="log")
        else:
            hp.Float("rate", 1e-2, 1e-1, sampling="log")
        return dense()

    p = from_hypermodel(
        build, data(X, Y), "val_accuracy", name="p", baseline={"optimizer": "adam", "rate": 0.01}
    )
    assert p.baseline == {"optimizer": "adam", "rate": 0.01}


def test_c12_evaluation_takes_no_more_rows_at_once_than_memory_bears():
    most = []

    class Counted(keras.layers.Layer):
        def call(self, x):
            if x.shape[0] is not None:
                most.append(x.shape[0])
            return x

    def build(params):
        model = keras.Sequential(
            [
                keras.Input((96, 96, 3)),
                Counted(),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(2, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    r = np.random.default_rng(0)
    d = Data(
        *(
            Part(r.integers(0, 255, (n, 96, 96, 3), dtype="uint8"), r.integers(0, 2, n))
            for n in (32, 1000)
        )
    )
    with pytest.warns(SearchWarning, match="run_eagerly"):
        train(problem(build, d, batch_size=16), RATE, (0, 1))
    assert (
        max(most) * 96 * 96 * 48 * 4 < 2**29
    )  # an activation of 48 channels: today 1000 rows, 1.8 GB


def test_x3_a_study_that_is_trained_ends_with_its_results_whatever_the_test_data_do(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "search",
            "run",
            str(Path(__file__).parent / "metric_by_class.py"),
            "--backend",
            "randomized",
            "--trials",
            "1",
            "--max-epochs",
            "1",
            "--workers",
            "1",
            "--store",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0
    assert "rank" in done.stdout

"""KerasTuner's spaces: ranges that depend on values, baselines, its own applications."""

import random
import warnings

import keras
import keras_tuner
import numpy as np
import pytest

from search import Objective
from search.errors import SearchWarning, UsageError
from search.kerastuner.hypermodel import found_of, from_hypermodel
from search.problem import import_context
from tests.field.tables import data, dense, table

X, Y = table(200)
pytestmark = pytest.mark.filterwarnings("ignore::search.errors.SearchWarning")


def found(build, **more):
    return from_hypermodel(build, data(X, Y), "val_accuracy", name="p", **more)


def names(problem):
    return [node.name for node in problem.space.nodes]


def drawn(problem, unit):
    return {node.name: node.parameter.at(unit(node.name)) for node in problem.space.nodes}


def test_a_range_up_to_another_parameter_is_one_parameter_and_the_user_is_told():
    def build(hp):
        hp.Int("hp1", 0, hp.Int("limit", 10, 100))
        return dense()

    with pytest.warns(SearchWarning, match="hp1: the range depends on other parameters"):
        one = found(build, most_builds=40)
    assert names(one) == ["limit", "hp1_share"]


def test_a_funnel_has_a_parameter_for_each_layer_and_values_within_its_range():
    seen = []

    def build(hp):
        units = [hp.Int("units_0", 8, 64)]
        for index in range(1, hp.Int("layers", 1, 3)):
            units.append(hp.Int(f"units_{index}", 8, units[-1]))
        seen.append(units)
        return dense()

    funnel = found(build)
    assert set(names(funnel)) == {"units_0", "layers", "units_1_share", "units_2_share"}
    for unit in (0.0, 0.4, 0.999):
        funnel.build(drawn(funnel, lambda name, unit=unit: unit))
        assert sorted(seen[-1], reverse=True) == seen[-1]
        assert min(seen[-1]) >= 8
    assert seen[-1] == [64, 64, 64]


@pytest.mark.parametrize("sampling", ["linear", "log"])
def test_a_float_stays_in_the_range_that_was_asked_for(sampling):
    seen = []

    def build(hp):
        low = hp.Float("low", 1e-4, 5e-2)
        seen.append((low, hp.Float("rate", low, 1e-1, sampling=sampling)))
        return dense()

    bounded = found(build)
    assert names(bounded) == ["low", "rate_share"]
    seen.clear()
    for unit in np.linspace(0.0, 0.999, 7):
        bounded.build(drawn(bounded, lambda name, unit=unit: unit if name == "low" else 1 - unit))
    assert all(low <= rate <= 0.1 for low, rate in seen)


def test_options_that_depend_on_a_number_are_one_parameter():
    seen = []

    def build(hp):
        count = hp.Int("count", 2, 30)
        seen.append((count, hp.Choice("which", list(range(count)))))
        return dense()

    options = found(build)
    assert names(options) == ["count", "which_share"]
    options.build({"count": 7, "which_share": 1.0})
    assert seen[-1] == (7, 6)


def test_a_name_made_of_a_number_is_refused_with_the_reason():
    def build(hp):
        count = hp.Int("count", 1, 100)
        hp.Int(f"units_{count}", 8, 64)
        return dense()

    with pytest.raises(UsageError, match=r"same names for each value of count.*Remove the value"):
        found(build)


def test_what_fit_reads_of_a_share_is_what_the_model_was_built_with():
    class Own(keras_tuner.HyperModel):
        def build(self, hp):
            hp.Float("high", hp.Float("low", 0.1, 0.5), 1.0)
            return dense()

        def fit(self, hp, model, x, y, **kw):
            return {"loss": hp.get("low"), "val_loss": hp.get("high")}

    own = from_hypermodel(Own(), data(X, Y), "val_loss", name="p")
    params = {"low": 0.5, "high_share": 0.5}
    model = own.build(params)
    assert own.fit(params, model, own.load(None), []) == {"loss": 0.5, "val_loss": 0.75}


def ranges(hp):
    low, high = (1e-4, 1e-2) if hp.Choice("optimizer", ["adam", "sgd"]) == "adam" else (1e-2, 1e-1)
    hp.Float("rate", low, high, sampling="log")
    return dense()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"optimizer": "adam", "rate": 0.01}, {"optimizer": "adam", "rate": 0.01}),
        ({"optimizer": "sgd", "rate": 0.01}, {"optimizer": "sgd", "rate__2": 0.01}),
        ({"optimizer": "sgd", "rate__2": 0.02}, {"optimizer": "sgd", "rate__2": 0.02}),
    ],
)
def test_a_baseline_goes_to_the_range_of_its_branch(given, expected):
    assert found(ranges, baseline=given).baseline == expected


def test_a_baseline_outside_the_range_of_its_branch_is_refused_with_its_own_name():
    with pytest.raises(UsageError, match=r"baseline: rate=0.05 is not a value.*Write 0.01"):
        found(ranges, baseline={"optimizer": "adam", "rate": 0.05})


def test_a_baseline_of_a_share_is_built_as_it_was_given():
    seen = []

    def build(hp):
        seen.append((hp.Int("limit", 10, 100), hp.Int("hp1", 0, hp.get("limit"))))
        return dense()

    based = found(build, baseline={"limit": 12, "hp1": 11})
    based.build(based.baseline)
    assert seen[-1] == (12, 11)


def test_the_callers_keras_is_left_as_it_was():
    def build(hp):
        hp.Int("units", 1, 5)
        random.random()
        np.random.random()
        keras.config.set_dtype_policy("float64")
        return dense()

    before = keras.config.dtype_policy().name
    keras.layers.Dense(1)
    session = keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER
    uids = dict(session.object_name_uids)
    state = random.getstate(), np.random.get_state()[1].tolist()
    from_hypermodel(build, data(X, Y), Objective("val_loss", "min"), name="p")
    assert keras.config.dtype_policy().name == before
    assert keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER is session
    assert session.object_name_uids == uids
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state


def test_the_policy_of_the_caller_is_that_of_the_builds():
    seen = set()

    def build(hp):
        hp.Int("units", 1, 5)
        seen.add(keras.config.dtype_policy().name)
        return dense()

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found(build)
    finally:
        keras.config.set_dtype_policy("float32")
    assert seen == {"mixed_bfloat16"}


def test_a_process_that_is_told_the_space_builds_nothing():
    builds = []

    class Own(keras_tuner.HyperModel):
        def build(self, hp):
            builds.append(1)
            hp.Int("hp1", 0, hp.Int("limit", 10, 100))
            return dense()

        def fit(self, hp, model, x, y, **kw):
            return model.fit(x, y, shuffle=hp.Boolean("shuffle"), **kw)

    def load(data_dir):
        asked.append(data_dir)
        return data(X, Y)

    asked = []
    with import_context.told("here"):
        one = from_hypermodel(Own(), load, "val_loss", name="p")
    assert asked == ["here"]
    builds.clear()
    with import_context.told(None, found_of(one)):
        other = from_hypermodel(Own(), load, "val_loss", name="p")
    assert not builds
    assert asked == ["here"]
    assert other.space.describe() == one.space.describe()
    params = {"limit": 20, "hp1_share": 0.5, "shuffle": True}
    other.fit(params, other.build(params), data(X, Y), [])


def test_a_value_for_a_range_that_no_build_showed_is_the_nearest_one_and_is_said():
    seen = []

    def build(hp):
        hp.Int("other", 1, 5)
        seen.append(hp.Int("units", 30, 40, step=5) if seen and seen[0] is None else 0)
        if not seen[-1]:
            seen[-1] = hp.Int("units", 1, 8)
        return dense()

    late = found(build)
    seen[:] = [None]
    with pytest.warns(SearchWarning, match="units: the hypermodel requests this .*30"):
        late.build({"other": 1, "units": 7})
    assert seen == [None, 30]


class _Clock:
    """Each look at it finds three seconds gone."""

    def __init__(self):
        self.now = 0.0

    def seconds(self):
        self.now += 3.0
        return self.now


def test_a_search_for_the_space_that_takes_long_says_so(capsys, monkeypatch):
    monkeypatch.setattr("search.kerastuner.hypermodel.SystemClock", _Clock)
    found(ranges)
    assert "finding the search space: build 2 ..." in capsys.readouterr().err


def test_the_space_of_hyperresnet_is_found():
    from keras_tuner.applications import HyperResNet

    resnet = HyperResNet(input_shape=(32, 32, 3), classes=10)
    space = from_hypermodel(_Small(resnet), data(X, Y), "val_accuracy", name="p").space
    expected = {"version", "conv3_depth", "conv4_depth", "pooling", "optimizer", "learning_rate"}
    assert {node.name for node in space.nodes} == expected


class _Small(keras_tuner.HyperModel):
    """Another hypermodel with stacks of one block, for a test that takes no minute."""

    def __init__(self, other):
        super().__init__()
        self.other = other

    def build(self, hp):
        from keras_tuner.src.applications import resnet

        full = resnet.stack1, resnet.stack2, resnet.stack3
        resnet.stack1, resnet.stack2, resnet.stack3 = (_one_block(stack) for stack in full)
        try:
            return self.other.build(hp)
        finally:
            resnet.stack1, resnet.stack2, resnet.stack3 = full


def _one_block(stack):
    return lambda x, filters, blocks, **more: stack(x, 32, 2, **more)


def test_hyperimageaugment_is_found_and_builds():
    from keras_tuner.applications import HyperImageAugment

    images = HyperImageAugment(input_shape=(8, 8, 3))

    def build(hp):
        augment = images.build(hp)
        outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(augment.output))
        model = keras.Model(augment.input, outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    augmented = found(build)
    assert len(augmented.space.nodes) > 3
    augmented.build(drawn(augmented, lambda name: 0.5))


def test_weights_that_cannot_be_downloaded_are_a_clear_sentence(monkeypatch):
    from keras_tuner.applications import HyperEfficientNet
    from keras_tuner.src.applications import efficientnet

    def offline(*args, **kwargs):
        raise Exception("URL fetch failure on https://storage.example: None -- refused")

    monkeypatch.setattr(efficientnet, "EFFICIENTNET_MODELS", dict.fromkeys(_VERSIONS, offline))
    hyper = HyperEfficientNet(input_shape=(8, 8, 3), classes=3)
    with pytest.raises(UsageError, match="downloads weights, and the download failed"):
        from_hypermodel(hyper, data(X, Y), "val_accuracy", name="p")


_VERSIONS = [f"B{number}" for number in range(8)]


def test_hyperefficientnet_is_found_where_its_weights_are_there(monkeypatch):
    from keras_tuner.applications import HyperEfficientNet
    from keras_tuner.src.applications import efficientnet

    def pretrained(include_top, input_tensor):
        features = keras.layers.AveragePooling2D(8)(input_tensor)
        inputs = keras.utils.get_source_inputs(input_tensor)
        return keras.Model(inputs, keras.layers.Conv2D(4, 1)(features))

    monkeypatch.setattr(efficientnet, "EFFICIENTNET_MODELS", dict.fromkeys(_VERSIONS, pretrained))
    hyper = HyperEfficientNet(input_shape=(8, 8, 3), classes=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space = from_hypermodel(hyper, data(X, Y), "val_accuracy", name="p").space
    assert {node.name for node in space.nodes} == {
        "version",
        "pooling",
        "top_dropout_rate",
        "learning_rate",
    }

"""Early stopping means what Keras's EarlyStopping means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.study.early_stopping import stop_epoch

CURVES = st.lists(st.integers(0, 12).map(lambda n: n / 10), min_size=1, max_size=25)


def keras_stop_epoch(
    values: list[float], direction: str, patience: int, min_delta: float
) -> int | None:
    """Run Keras's own callback over the curve."""
    import keras

    class Model:
        stop_training = False

    callback = keras.callbacks.EarlyStopping(
        "metric", min_delta=min_delta, patience=patience, mode=direction
    )
    callback.set_model(Model())
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"metric": value})
        if callback.model.stop_training:
            return epoch + 1
    return None


@given(CURVES, st.sampled_from(["max", "min"]), st.integers(0, 5), st.sampled_from([0.0, 0.15]))
def test_stops_where_keras_stops(values, direction, patience, min_delta):
    ours = stop_epoch(values, direction, patience, min_delta)
    assert ours == keras_stop_epoch(values, direction, patience, min_delta)


@given(CURVES, st.integers(1, 5))
def test_once_stopped_stays_stopped(values, patience):
    stop = stop_epoch(values, "max", patience)
    if stop is not None:
        assert stop_epoch([*values, 9.0], "max", patience) == stop


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.4, 0.3]])
def test_no_patience_limit_never_stops(values):
    assert stop_epoch(values, "max", None) is None

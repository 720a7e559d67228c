"""Settings of the whole test suite, and what is made once for all of it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from search.runtime import tensorflow_setup

pytest_plugins = ["tests.browser"]

# a problem file whose import warns, as it is meant to, and programs for earlier versions: doctests
# are looked for by import
collect_ignore = [
    "field/three_epochs_in_fit.py",
    *("data/studies_57a5f56/make.py", "data/studies_1e0ec58/make.py"),
]

# examples are drawn anew by seed, not by clock: a failure here is a failure everywhere
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have an option for the faults that take long."""
    parser.addoption("--faults-all", action="store_true", help="run the long faults too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the faults that take long, unless they are asked for."""
    if config.getoption("--faults-all"):
        return
    long = [item for item in items if item.get_closest_marker("faults_all")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


def pytest_configure() -> None:
    """Have TensorFlow find its settings, whichever test imports it first."""
    tensorflow_setup.quieten()


@pytest.fixture
def own_classes() -> Iterator[None]:
    """Keep what a test registers with Keras, or has it forget, from the tests after it."""
    import keras

    known = keras.saving.get_custom_objects()
    before = dict(known)
    yield
    known.clear()
    known.update(before)


@pytest.fixture(scope="session")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make a store that has MLflow's empty database already: making its tables takes seconds."""
    from search.trackers._mlflow_runs import connect

    empty = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    connect(f"sqlite:///{empty}")

    def with_database(store: Path) -> Path:
        store.mkdir(parents=True)
        shutil.copy(empty, store)
        return store

    return with_database

"""The ceiling of epochs: the user's range counts, and whatever cuts it is said."""

from dataclasses import replace
from typing import Any

import pytest

from search import Choice, Float, Int, Objective, Problem, Space
from search.engine.resolve import ResolvedStudy, resolve
from search.errors import UsageError
from search.estimator import SearchCV
from search.problem.pickling import pack
from search.study.config import StudyConfig, digest_of, from_plain
from tests.field.tables import data, dense, table

EPOCHS = Int("epochs", 20, 200, step=10)


def build(params: Any) -> Any:
    """Build a network."""
    return dense()


def load(data_dir: Any) -> Any:
    """Return a small table."""
    return data(*table(60))


def a_problem(*parameters: Any, **more: Any) -> Problem:
    """Return a problem with a learning rate and these parameters."""
    space = Space(Float("rate", 1e-3, 1e-1), *parameters)
    return Problem("p", space, Objective("val_loss", "min"), load, build, **more)


def prepared(problem: Problem, backend: str = "randomized", **more: Any) -> ResolvedStudy:
    """Return the setup of a study of the problem."""
    pickled = pack(problem)
    return resolve(StudyConfig(pickled.word, backend, **more), pickled)


def epochs_of(setup: ResolvedStudy) -> tuple[int, int]:
    """Return the ends of the range that is searched."""
    (epochs,) = (p for p in setup.space.parameters if p.name == "epochs")
    assert isinstance(epochs, Int)
    return epochs.low, epochs.high


@pytest.mark.parametrize("backend", ["randomized", "grid", "optuna"])
def test_a_range_of_epochs_is_searched_whole(backend: str) -> None:
    setup = prepared(a_problem(EPOCHS), backend)
    assert (setup.settings.max_epochs, epochs_of(setup)) == (200, (20, 200))
    assert setup.epochs_remarks == ()


def test_without_a_range_the_ceiling_is_what_the_problem_or_the_user_states() -> None:
    assert prepared(a_problem()).settings.max_epochs == 9
    assert prepared(a_problem(max_epochs=30)).settings.max_epochs == 30
    assert prepared(a_problem(max_epochs=30), max_epochs=5).settings.max_epochs == 5


@pytest.mark.parametrize(
    ("words", "ends"), [("30", (30, 30)), ("30..60", (30, 60)), ("30,40", (30, 40))]
)
def test_epochs_that_are_set_for_a_run_are_trained(words: str, ends: tuple[int, int]) -> None:
    setup = prepared(a_problem(EPOCHS), assignments=(f"epochs={words}",))
    assert epochs_of(setup) == ends
    assert setup.settings.max_epochs == ends[1]


def test_epochs_that_are_no_even_range_are_a_choice_with_its_largest_value_as_ceiling() -> None:
    setup = prepared(a_problem(EPOCHS), assignments=("epochs=20,30,90",))
    assert setup.settings.max_epochs == 90
    assert Choice("epochs", (20, 30, 90)) in setup.space.parameters


def test_a_range_that_a_ceiling_cuts_is_said_with_what_is_left() -> None:
    setup = prepared(a_problem(EPOCHS), max_epochs=65)
    assert epochs_of(setup) == (20, 60)
    assert setup.remarks()[0] == "epochs: --max-epochs 65 leaves 20..60 of 20..200"
    stated = prepared(a_problem(EPOCHS, max_epochs=45))
    assert stated.epochs_remarks == (
        "epochs: the problem's max_epochs=45 leaves 20..40 of 20..200",
    )


@pytest.mark.parametrize("given", [{"max_epochs": 15}, {"assignments": ("epochs=70",)}])
def test_a_ceiling_below_the_range_is_refused(given: Any) -> None:
    problem = a_problem(EPOCHS, max_epochs=50)
    with pytest.raises(UsageError, match=r"leaves none of .*; raise --max-epochs"):
        prepared(problem, **given)


@pytest.mark.parametrize("backend", ["hyperband", "halving"])
def test_a_backend_that_allocates_epochs_says_that_the_range_is_not_searched(backend: str) -> None:
    baseline = {"rate": 0.01, "epochs": 30}
    setup = prepared(a_problem(EPOCHS, baseline=baseline), backend)
    assert setup.settings.max_epochs == 200
    assert "epochs" not in setup.space
    assert setup.epochs_remarks == (
        f"epochs: {backend} allocates the epochs itself, up to 200; the range 20..200 is not "
        "searched, and the baseline may have more than its 30",
    )


def test_a_baseline_has_its_epochs_unless_a_ceiling_is_stated() -> None:
    problem = a_problem(EPOCHS, baseline={"rate": 0.01, "epochs": 90})
    assert prepared(problem).baseline_params == {"rate": 0.01, "epochs": 90}
    narrowed = prepared(problem, assignments=("epochs=20..40",)).baseline()
    assert narrowed is not None
    assert narrowed.budget.stop == 90
    cut = prepared(problem, max_epochs=60)
    assert cut.baseline_params == {"rate": 0.01, "epochs": 60}
    assert "baseline: --max-epochs 60 cuts its 90 epochs" in cut.epochs_remarks


def test_a_resumed_study_has_the_ceiling_of_its_header() -> None:
    pickled = pack(a_problem(EPOCHS))
    config = StudyConfig(pickled.word, "randomized", max_epochs=65)
    header = config.plain() | {"ceiling": resolve(config, pickled).settings.max_epochs}
    again = from_plain(header)
    assert again.ceiling == 65
    assert digest_of(again.plain()) == digest_of(config.plain())
    assert resolve(again, pickled).space.describe() == resolve(config, pickled).space.describe()


def test_a_study_that_recorded_no_ceiling_keeps_9() -> None:
    pickled = pack(a_problem(EPOCHS, baseline={"rate": 0.01, "epochs": 30}))
    earlier = from_plain(StudyConfig(pickled.word, "randomized").plain())
    setup = resolve(earlier, pickled)
    assert (setup.settings.max_epochs, epochs_of(setup)) == (9, (9, 9))
    assert setup.baseline_params == {"rate": 0.01, "epochs": 9}
    assert resolve(replace(earlier, max_epochs=40), pickled).settings.max_epochs == 40


def test_searchcv_refits_below_the_searched_range_where_early_stopping_ended_there() -> None:
    x, y = table(60)
    search = SearchCV(
        lambda params, facts: dense(rate=params["rate"]),
        Space(Float("rate", 1e-3, 1e-1), Int("epochs", 12, 14)),
        backend="randomized",
        trials=1,
        patience=1,
        objective=Objective("learning_rate", "max"),
        workers=0,
    )
    search.fit(x, y)
    assert (search.best_epoch_, search.best_params_["epochs"] >= 12) == (1, True)
    assert search.predict(x).shape == (60,)

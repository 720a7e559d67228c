"""How `verify --fit` compares a trial that XLA compiled: within what rounding errors grow to."""

from dataclasses import dataclass
from typing import Any

import pytest

from search.engine.retraining import fitted_again, fitted_perturbed
from search.engine.verification import Choice, Verifier
from search.study.study_record import StudyRecord, fold
from search.study.trial import Completed
from search.training.keras_fit import FitCurve
from tests.records import asked, completed, entries, reported

RECORDED = (0.3, 0.5, 0.4)


def curve(values: tuple[float, ...]) -> FitCurve:
    epochs = [{"val_accuracy": value, "loss": 1 - value, "learning_rate": 0.01} for value in values]
    return FitCurve(epochs, frozenset({"loss", "accuracy"}), 100, 100, {})


@dataclass(frozen=True)
class Fits:
    """Gives the curves that training by Keras's fit would give."""

    again: tuple[float, ...]
    perturbed: tuple[float, ...]

    def run(self, function: Any, *_: Any) -> FitCurve:
        return curve({fitted_again: self.again, fitted_perturbed: self.perturbed}[function])


def study(way: str) -> StudyRecord:
    epochs = [reported("1", number, value) for number, value in enumerate(RECORDED, start=1)]
    told = completed("1", 0.5, 2, 3)
    assert isinstance(told.outcome, Completed)
    outcome = Completed(0.5, 2, 3, 0.75, 1000, way=way)
    return fold(entries([asked("1", 0, 3), *epochs, type(told)("1", outcome)]))


@pytest.mark.parametrize(
    ("way", "again", "perturbed", "same"),
    [
        ("compiled", RECORDED, RECORDED, True),
        ("compiled", (0.3, 0.501, 0.4), (0.3, 0.5012, 0.4), True),
        ("compiled", (0.3, 0.501, 0.4015), (0.3, 0.5012, 0.4015), True),  # it does not shrink again
        ("compiled", (0.3, 0.501, 0.4), (0.3, 0.50101, 0.4), False),  # too small to explain it
        ("compiled", (0.301, 0.5, 0.4), (0.301, 0.6, 0.4), False),  # before anything has grown
        ("compiled", (0.3, 0.5), (0.3, 0.5), False),
        ("graph", (0.3, 0.501, 0.4), (0.3, 0.6, 0.4), False),
    ],
)
def test_rounding_may_grow_in_compiled_trials_alone(way, again, perturbed, same):
    record = study(way)
    verifier = Verifier(record, Fits(again, perturbed), None, None, fit=True)
    (result,) = verifier(Choice(("1",)))
    assert result.same is same, str(result)

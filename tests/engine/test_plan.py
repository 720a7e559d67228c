"""What a recorded study means to do, read from its journal: as its own process knew it."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.backends import base as backends
from search.backends.base import BackendSettings
from search.engine.plan import epochs_meaning, recorded_plan
from search.study.events import Entry
from search.study.study_record import fold
from tests.dashboards.studies import simulated
from tests.records import header
from tests.support import SPACE


@pytest.mark.parametrize("backend", ["randomized", "halving"])
def test_the_epochs_in_all_are_those_of_the_backend_and_the_baseline(tmp_path: Path, backend: str):
    first, *following = simulated(tmp_path / "study.jsonl", backend, trials=20)
    first = replace(first, event=replace(first.event, backend=backend))
    plan = recorded_plan(fold([first, *following]))
    settings = BackendSettings(max_epochs=9)
    assert plan.epochs == backends.module(backend).planned_epochs(SPACE, settings, 19) + 9
    assert (plan.trials, plan.seconds) == (20, None)
    assert plan.epochs_meaning == epochs_meaning(backend, SPACE, 9)


def test_nothing_is_promised_before_the_first_trial_or_for_a_backend_that_is_not_known():
    first = header()
    started = replace(first.event, config={"max_epochs": None})
    assert recorded_plan(fold([Entry(0.0, started)])).epochs is None
    unknown = replace(first.event, backend="of-tomorrow")
    plan = recorded_plan(fold([Entry(0.0, unknown)]))
    assert (plan.epochs, plan.epochs_meaning) == (None, "")

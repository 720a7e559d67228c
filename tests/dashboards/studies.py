"""Small simulated studies of every backend as tables, for the tests of figures."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dashboards.tables.tables import Tables, tables
from search.backends import base as backends
from search.backends.base import BackendSettings
from search.problem.objective import Objective
from search.space.parameters import Params
from search.study import journal as journals
from search.study.events import Entry, EpochRecorded, LimitsChanged, StudyStarted, Told
from search.study.trial import Failed
from tests.support import OBJECTIVE, SPACE, SimulatedStudy


def curve(params: Params, epoch: int) -> dict[str, float]:
    """A made-up accuracy: the learning rate matters most, the width hardly; some trials fail."""
    rate = math.log10(float(params["learning_rate"]))
    if rate > -1.05:
        raise ValueError(f"diverged in epoch {epoch}")
    reach = 0.9 - 0.12 * (rate + 2.2) ** 2 - (0.08 if params["optimizer"] == "sgd" else 0.0)
    reach += 0.01 * math.log2(int(params["neurons_1"])) / 6
    return {
        "loss": round(2.0 / epoch - reach / 2, 6),
        "val_accuracy": round(reach * (1 - 0.55**epoch), 6),
    }


def simulated(
    path: Path,
    backend: str,
    *,
    trials: int | None = 12,
    slots: int = 2,
    epochs: int = 9,
    dies_after: int | None = None,
) -> list[Entry]:
    """The journal of a study on the space of `tests.support`; `dies_after`: so many events."""
    settings = BackendSettings(max_epochs=epochs)

    def make(known):
        return backends.module(backend).create(SPACE, OBJECTIVE, settings, 3, known)

    study = SimulatedStudy(path, make, LimitsChanged(trials, None), slots=slots, metrics=curve)
    study.start(dies_after=dies_after)
    return list(journals.read(path))


def mirrored(entries: Sequence[Entry]) -> list[Entry]:
    """The same study with its metric turned round: to be made small, what was good still is."""
    objective = Objective(OBJECTIVE.metric, "min")
    turned = []
    for entry in entries:
        event = entry.event
        if isinstance(event, StudyStarted):
            event = replace(event, objective=objective)
        elif isinstance(event, EpochRecorded):
            value = 1 - event.report.metrics[objective.metric]
            metrics = {**event.report.metrics, objective.metric: value}
            event = replace(event, report=replace(event.report, metrics=metrics))
        elif isinstance(event, Told) and not isinstance(event.outcome, Failed):
            outcome = replace(event.outcome, score=1 - event.outcome.score)
            event = replace(event, outcome=outcome)
        turned.append(Entry(entry.seconds, event))
    return turned


def simulated_tables(path: Path, backend: str, *, direction: str = "max", **settings) -> Tables:
    entries = simulated(path, backend, **settings)
    return tables(entries if direction == "max" else mirrored(entries))

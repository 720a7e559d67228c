"""Planned totals of a recorded study, from its journal only: no problem file is imported."""

from search.backends import base as backends
from search.backends.base import BackendSettings
from search.errors import UsageError
from search.space.space import Space, from_description
from search.study.progress import Plan
from search.study.study_record import StudyRecord


def epochs_meaning(backend: str, space: Space, most: int) -> str:
    """Return the meaning of "epochs" in a study as text. `most`: maximum epochs per trial."""
    if backends.module(backend).EPOCHS_AS_BUDGET:
        return f"the budget, set by {backend}, at most {most}"
    if "epochs" in space:
        return f"a searched parameter, at most {most}"
    return f"at most {most}, with early stopping"


def planned_epochs(
    backend: str, space: Space, settings: BackendSettings, trials: int, baseline: int | None
) -> int:
    """About how many epochs so many trials train in all; `baseline`: those of trial 0, if any."""
    own = max(trials - (baseline is not None), 0)
    return backends.module(backend).planned_epochs(space, settings, own) + (baseline or 0)


def recorded_plan(record: StudyRecord) -> Plan:
    """Return the planned totals of a recorded study, which another process may be running.

    Without a maximum number of epochs in the header, the longest budget so far is the maximum: the
    baseline, which comes first, has a full budget. The total of epochs is unknown before that, and
    without a limit of trials.
    """
    header, limit = record.header, record.limit
    try:
        space, _ = from_description(header.space), backends.module(header.backend)
    except (UsageError, KeyError, TypeError):  # a backend or a parameter of another version
        return Plan(limit.trials, None, limit.seconds, "")
    most = header.config.get("ceiling") or header.config.get("max_epochs") or record.longest
    meaning = epochs_meaning(header.backend, space, most)
    if limit.trials is None or most < 1:
        return Plan(limit.trials, None, limit.seconds, meaning)
    baseline = None if record.baseline is None else record.baseline.proposals[0].budget.stop
    settings = BackendSettings(most, factor=header.config.get("factor", 3))
    epochs = planned_epochs(header.backend, space, settings, limit.trials, baseline)
    return Plan(limit.trials, epochs, limit.seconds, meaning)

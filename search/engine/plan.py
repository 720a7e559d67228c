"""What a recorded study means to do, by its journal alone: no problem file is run for it."""

from search.backends import base as backends
from search.backends.base import BackendSettings
from search.errors import UsageError
from search.space.space import Space, from_description
from search.study.progress import Plan
from search.study.study_record import StudyRecord
from search.study.trial import BASELINE_TRIAL


def epochs_meaning(backend: str, space: Space, most: int) -> str:
    """What "epochs" means in a study, in a few words; `most`: the ceiling of each trial."""
    if backends.module(backend).EPOCHS_AS_BUDGET:
        return f"the budget, handed out by {backend}, at most {most}"
    if "epochs" in space:
        return f"a searched parameter, at most {most}"
    return f"a ceiling of {most}, with early stopping"


def recorded_plan(record: StudyRecord) -> Plan:
    """The plan of a study that is read, maybe while another process runs it.

    Where the header does not say how many epochs a trial may have, the longest budget that was
    asked for does: the baseline, which comes first, has a whole one. The epochs in all are not
    known before that, nor without a number of trials.
    """
    header, limit = record.header, record.limit
    try:
        space, module = from_description(header.space), backends.module(header.backend)
    except (UsageError, KeyError, TypeError):  # a backend or a parameter of another version
        return Plan(limit.trials, None, limit.seconds, "")
    most = header.config.get("ceiling") or header.config.get("max_epochs") or record.longest
    meaning = epochs_meaning(header.backend, space, most)
    if limit.trials is None or most < 1:
        return Plan(limit.trials, None, limit.seconds, meaning)
    first = record.trials.get(BASELINE_TRIAL)
    baseline = first is not None and first.proposals[0].labels.get("role") == "baseline"
    own = max(limit.trials - baseline, 0)
    settings = BackendSettings(most, factor=header.config.get("factor", 3))
    epochs = module.planned_epochs(space, settings, own)
    if baseline and first is not None:
        epochs += first.proposals[0].budget.stop
    return Plan(limit.trials, epochs, limit.seconds, meaning)

"""A study as data: its settings, journal, trials and state, and how text and JSON tell them.

May import: `problem`, `space` and `runtime`; no library.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.study.config import StudyConfig
    from search.study.journal import Journal
    from search.study.store import Store
    from search.study.study_record import StudyRecord
    from search.study.trial import (
        Answer,
        Budget,
        Completed,
        Decision,
        EpochReport,
        Exhausted,
        Failed,
        Outcome,
        Proposal,
        Pruned,
        Task,
        Wait,
    )
    from search.study.trial_record import TrialRecord

__all__ = [
    "Answer",
    "Budget",
    "Completed",
    "Decision",
    "EpochReport",
    "Exhausted",
    "Failed",
    "Journal",
    "Outcome",
    "Proposal",
    "Pruned",
    "Store",
    "StudyConfig",
    "StudyRecord",
    "Task",
    "TrialRecord",
    "Wait",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.study.config": ("StudyConfig",),
        "search.study.journal": ("Journal",),
        "search.study.store": ("Store",),
        "search.study.study_record": ("StudyRecord",),
        "search.study.trial": (
            "Answer",
            "Budget",
            "Completed",
            "Decision",
            "EpochReport",
            "Exhausted",
            "Failed",
            "Outcome",
            "Proposal",
            "Pruned",
            "Task",
            "Wait",
        ),
        "search.study.trial_record": ("TrialRecord",),
    },
)

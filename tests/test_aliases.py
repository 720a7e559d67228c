"""Earlier import paths, which work for one release."""

import importlib

import pytest

ALIASES = [
    ("search.parameters", "search.space.parameters", "Params"),
    ("search.objective", "search.problem.objective", "Objective"),
    ("search.trial", "search.study.trial", "Proposal"),
    ("search.arrays", "search.data.trees", "mapped"),
    ("search.evidence", "search.export.evaluation", "read"),
    ("search.predict", "search.export.predict", "predict"),
    ("search.hypermodel", "search.kerastuner.hypermodel", "from_hypermodel"),
    ("search.record", "search.study.study_record", "StudyRecord"),
    ("search.events", "search.study.events", "StudyStarted"),
    ("search.journal", "search.study.journal", "Journal"),
    ("search.store", "search.study.store", "Store"),
    ("search.space", "search.space.space", "Space"),
    ("search.problem", "search.problem.problem", "Problem"),
    ("search.problem", "search.data.parts", "Part"),
    ("search.data", "search.data.from_arrays", "part"),
    ("dashboards.frames", "dashboards.tables.frames", "trials_frame"),
    ("dashboards.tables", "dashboards.tables.tables", "load"),
    ("dashboards.importances", "dashboards.analysis.importance", "importances"),
    ("dashboards.pictures", "dashboards.figures.save", "save"),
    ("dashboards.evidence", "dashboards.tables.evaluation", "residuals_frame"),
    ("dashboards.examples", "dashboards.diagrams.errors_by_class", "examples"),
    ("dashboards.networks", "dashboards.diagrams.network", "drawing"),
]


@pytest.mark.parametrize(("earlier", "now", "name"), ALIASES)
def test_an_earlier_path_gives_the_same_object(earlier, now, name):
    old = getattr(importlib.import_module(earlier), name)
    assert old is getattr(importlib.import_module(now), name)

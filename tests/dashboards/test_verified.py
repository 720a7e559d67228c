"""Every view of a study says whether the exported model is the one that was scored."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.analysis.summary import answer
from dashboards.live.headline import headline
from dashboards.live.snapshot import standing
from dashboards.report.text import remarks, tiles, warning
from dashboards.tables.tables import tables
from search.cli import summary
from search.runtime.clock import SystemClock
from search.study import leaderboard
from search.study.eta import Pace
from search.study.events import Entry
from search.study.progress import Plan
from search.study.store import Store
from search.study.study_record import fold
from search.trackers import _mlflow_mapping
from tests.dashboards.test_live import texts
from tests.records import whole_life

WHY = "evaluation is random: val_loss is 1, and 2 the next time"


def told(verified: bool | None, reason: str = "") -> list[Entry]:
    *life, last = whole_life()
    return [*life, Entry(last.seconds, replace(last.event, verified=verified, reason=reason))]


def terminal(study: list[Entry]) -> str:
    return summary.closing(fold(study), None, Store(Path("mlruns")), None)


def page(study: list[Entry]) -> str:
    found, shown = answer(fold(study)), tables(study)
    assert found is not None
    notes = [tile.note for tile in tiles(shown, found)]
    return "\n".join([warning(found), *notes, *remarks(shown, found)])


def live(study: list[Entry]) -> str:
    plan, pace = Plan(5, 13, None, ""), Pace(SystemClock())
    shown = standing(fold(study), "finished", plan, pace, {}, 0)
    return "\n".join(" ".join(filter(None, texts(part))) for part in headline(shown))


@pytest.mark.parametrize("view", [terminal, page, live])
def test_a_model_that_is_not_what_was_scored_is_never_shown_without_that(view):
    said = view(told(False, WHY))
    assert "evaluation is random" in said.replace("Evaluation", "evaluation")
    assert "not verified" in said.lower()
    assert "does not apply" in said or "do not apply" in said
    assert "optimistic" not in said


@pytest.mark.parametrize("view", [terminal, page, live])
def test_a_verified_model_is_called_so(view):
    said = view(told(True))
    assert "verified" in said.lower()
    assert "not verified" not in said.lower()


@pytest.mark.parametrize("view", [terminal, page, live])
def test_an_older_study_says_nothing_of_it(view):
    assert "verified" not in view(told(None)).lower()


def test_machines_are_told_too():
    best = leaderboard.document(fold(told(False, WHY)), "finished", None)["best"]
    assert (best["verified"], best["reason"]) == (False, WHY)
    tags, _ = _mlflow_mapping.winner(fold(told(False, WHY)))
    assert tags["search.best.verified"] == "false"
    assert tags["search.best.verified.reason"] == WHY
    assert "search.best.verified" not in _mlflow_mapping.winner(fold(told(None)))[0]

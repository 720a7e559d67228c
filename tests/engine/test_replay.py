"""Resume: a journal cut after any event ends as if it had never been cut, under every backend."""

import json
from dataclasses import replace

import pytest

from search.backends import base as backends
from search.backends.base import BackendSettings
from search.errors import JournalError, ReplayDivergedError
from search.study.events import Asked, EpochRecorded, LimitsChanged, Told
from search.study.leaderboard import document
from search.study.trial import Proposal
from tests.scripted import ScriptedBackend
from tests.support import OBJECTIVE, SPACE, SimulatedStudy, journal_texts, write_journal

SETTINGS = {
    "grid": BackendSettings(max_epochs=3),
    "randomized": BackendSettings(max_epochs=3),
    "hyperband": BackendSettings(max_epochs=9),
    "optuna": BackendSettings(max_epochs=4),
}
TRIALS = 9


def make(name: str):
    settings = SETTINGS.get(name, BackendSettings(max_epochs=3))

    def backend(known):
        return backends.module(name).create(SPACE, OBJECTIVE, settings, 3, known)

    return backend


def study(path, name, **settings) -> SimulatedStudy:
    settings.setdefault("limit", LimitsChanged(TRIALS, None))
    return SimulatedStudy(path, make(name), **settings)


def result(record) -> dict:
    """What a user sees of a study, without the times."""
    shown = document(record, record.state, None)
    del shown["seconds"]
    return shown


@pytest.fixture(scope="module", params=backends.names())
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def undisturbed(name, tmp_path_factory):
    whole = study(tmp_path_factory.mktemp(name) / "whole.jsonl", name)
    record = whole.start()
    lines = whole.path.read_text().splitlines(keepends=True)
    assert len(lines) > 25
    return result(record), lines


def test_a_journal_cut_after_any_event_ends_the_same(name, undisturbed, tmp_path):
    expected, lines = undisturbed
    for cut in range(2, len(lines) + 1):
        path = tmp_path / f"cut-{cut}.jsonl"
        path.write_text("".join(lines[:cut]))
        assert result(study(path, name).resume()) == expected, f"cut after line {cut}"
        kept = path.read_text().splitlines(keepends=True)[:cut]
        assert kept == lines[:cut]


def test_killed_again_and_again_it_ends_the_same(name, undisturbed, tmp_path):
    expected, _ = undisturbed
    dying = study(tmp_path / "s.jsonl", name)
    record = dying.start(dies_after=0)
    for _ in range(200):
        if record.state == "finished":
            break
        record = dying.resume(dies_after=3)
    assert result(record) == expected


@pytest.mark.parametrize("slots", [2, 4])
def test_with_several_workers_every_recorded_trial_is_kept(name, tmp_path, slots):
    whole = study(tmp_path / "whole.jsonl", name, slots=slots)
    whole.start()
    lines = whole.path.read_text().splitlines(keepends=True)
    for cut in range(2, len(lines), 5):
        path = tmp_path / f"cut-{cut}.jsonl"
        path.write_text("".join(lines[:cut]))
        shown = study(path, name, slots=slots)
        recorded = shown.events()
        record = shown.resume()
        assert record.state == "finished"
        assert not any(trial.pending for trial in record.trials.values())
        for event in recorded:
            if isinstance(event, Asked) and isinstance(event.answer, Proposal):
                assert event.answer in record.trials[event.answer.trial].proposals
            elif isinstance(event, EpochRecorded):
                assert event.report in record.trials[event.report.trial].curve
            elif isinstance(event, Told):
                assert event.outcome in record.trials[event.trial].outcomes


def test_a_finished_study_can_be_extended(name, tmp_path):
    shown = study(tmp_path / "s.jsonl", name, limit=LimitsChanged(5, None))
    before = shown.start()
    record = shown.resume(raised=LimitsChanged(9, None))
    assert len(before.trials) == 5
    assert len(record.trials) == 9
    assert record.state == "finished"
    for trial, old in before.trials.items():
        assert record.trials[trial].params == old.params


@pytest.mark.parametrize("field", ["params", "labels", "budget"])
def test_an_answer_that_differs_is_named_with_its_line(name, undisturbed, tmp_path, field):
    path = tmp_path / "s.jsonl"
    path.write_text("".join(undisturbed[1]))
    texts = journal_texts(path)
    numbered = [(i, json.loads(text)) for i, text in enumerate(texts, start=1)]
    number, event = next(
        (i, e)
        for i, e in numbered
        if isinstance(e, dict)
        and e["event"] == "ask"
        and isinstance(e["answer"], dict)
        and not e.get("by_study")
    )
    event["answer"][field] = {"params": {"layers": 9}, "labels": {"x": 1}, "budget": [0, 77]}[field]
    write_journal(path, [*texts[: number - 1], json.dumps(event), *texts[number:]])
    with pytest.raises(ReplayDivergedError, match=rf"at line {number} {field} was .*--adopt"):
        study(path, name).resume()


def test_adopt_keeps_every_result_and_goes_on(name, undisturbed, tmp_path):
    _, lines = undisturbed
    path = tmp_path / "s.jsonl"
    path.write_text("".join(lines[: len(lines) // 2]))
    seeded_otherwise = study(path, name)
    seeded_otherwise.make = lambda known: backends.module(name).create(
        SPACE, OBJECTIVE, SETTINGS.get(name, BackendSettings(max_epochs=3)), 99, known
    )
    with pytest.raises(ReplayDivergedError):
        seeded_otherwise.resume()
    begun = {
        e.answer.trial: e.answer.params
        for e in seeded_otherwise.events()
        if isinstance(e, Asked) and isinstance(e.answer, Proposal)
    }
    record = seeded_otherwise.resume(adopt=True, dies_after=9)
    record = seeded_otherwise.resume()  # what follows an adoption replays exactly again
    assert record.state == "finished"
    assert {t: record.trials[t].params for t in begun} == begun
    assert len({json.dumps(t.params, sort_keys=True) for t in record.trials.values()}) == len(
        record.trials
    )


def test_a_decision_that_differs_is_named(tmp_path):
    path = tmp_path / "s.jsonl"
    SimulatedStudy(path, ScriptedBackend, LimitsChanged(9, None)).start()
    texts = journal_texts(path)
    place = next(i for i, text in enumerate(texts) if text.endswith(',"stop"]'))
    texts[place] = texts[place].replace(',"stop"]', "]")
    write_journal(path, texts)
    with pytest.raises(ReplayDivergedError, match="decision was 'continue' and is now 'stop'"):
        SimulatedStudy(path, ScriptedBackend, LimitsChanged(9, None)).resume()


def test_an_edited_curve_is_refused(tmp_path):
    path = tmp_path / "s.jsonl"
    shown = SimulatedStudy(path, ScriptedBackend, LimitsChanged(4, None))
    shown.start()
    texts = journal_texts(path)
    gap = next(i for i, text in enumerate(texts) if '",2,{' in text)
    write_journal(path, [*texts[:gap], *texts[gap + 1 :]])
    with pytest.raises(JournalError, match="epoch 2 must come next, got 3"):
        shown.resume()


def test_trials_under_way_are_submitted_again_with_what_is_known_of_them(tmp_path):
    path = tmp_path / "s.jsonl"
    shown = SimulatedStudy(path, ScriptedBackend, LimitsChanged(4, None))
    shown.start(dies_after=5)  # the ask for the baseline, and four of its nine epochs
    record = shown.resume()
    first = shown.executor.submitted[0]
    assert (first.proposal.trial, len(first.recorded)) == ("0", 4)
    assert replace(first, recorded=()).attempt == 1
    assert len(record.trials["0"].curve) == 9

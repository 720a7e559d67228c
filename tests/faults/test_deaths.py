"""Trials that kill their process, hang, eat memory or return nonsense, with one worker and two."""

import re

import pytest

from tests.faults.problem import FAULTS, NONSENSE
from tests.faults.study import Came, Study, harm, twin

DEATHS = ("segfault", "abort", "_exit", "_exit0", "sigkill", "sigterm")
DEATHS += ("sys_exit", "keyboard_interrupt", "generator_exit", "of_my_own")
FAILURES = (*NONSENSE, "exception", "unspeakable", "search_error", "usage_error", "data_error")
FAILURES += ("stop_iteration", "memory_error")


def bad_trial(came: Came) -> str:
    """The trial whose params say six units."""
    return next(name for name, trial in came.trials.items() if '"units": 6' in trial[2])


def check_only_the_bad_trial_failed(study: Study, kind: str, message: str) -> None:
    """It failed with this, and all others are those of the undisturbed study."""
    came, undisturbed = study.came(), twin()
    bad = bad_trial(came)
    assert came.state == "finished"
    assert set(study.failures()) == {bad}
    found = study.failures()[bad]
    assert (found[0], bool(re.search(message, found[1]))) == (kind, True), found
    assert came.without(bad).trials == undisturbed.without(bad).trials
    assert came.without(bad).curves == undisturbed.without(bad).curves
    assert came.mlflow[bad][0] == "failed"
    assert came.without(bad).mlflow == undisturbed.without(bad).mlflow


def check_a_death(study: Study) -> None:
    ended = study.run()
    assert ended.code == 0, ended.err
    check_only_the_bad_trial_failed(study, "lost", "worker|the trial raised")
    before = study.journal.read_bytes()
    assert study.resume().code == 0
    assert study.journal.read_bytes().startswith(before)
    assert set(study.failures()) == {bad_trial(study.came())}


def test_a_trial_that_ends_its_process_fails_alone(tmp_path):
    check_a_death(Study(tmp_path, env=harm("segfault")))


@pytest.mark.faults_all
@pytest.mark.parametrize("where", ["build", "callback"])
@pytest.mark.parametrize("fault", DEATHS)
def test_a_trial_that_ends_its_process_fails_alone_wherever_it_does(tmp_path, fault, where):
    check_a_death(Study(tmp_path, env=harm(fault, where=where)))


@pytest.mark.faults_all
@pytest.mark.parametrize("fault", DEATHS)
def test_with_two_workers_too(tmp_path, fault):
    study = Study(tmp_path, workers=2, env=harm(fault))
    ended = study.run()
    assert ended.code == 0, ended.err
    came = study.came()
    assert set(study.failures()) == {bad_trial(came)}
    assert came.without(bad_trial(came)).curves == twin().without(bad_trial(came)).curves


@pytest.mark.faults_all
def test_a_death_that_happens_once_costs_nothing(tmp_path):
    study = Study(tmp_path, env=harm("sigkill", where="callback", once=tmp_path / "once"))
    ended = study.run()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("where", ["build", "callback"])
def test_a_trial_that_never_ends_fails_at_its_timeout(tmp_path, where):
    options = ("--trial-timeout", "4s")
    study = Study(tmp_path, options=options, env=harm("hang", where=where))
    ended = study.run()
    assert ended.code == 0, ended.err
    check_only_the_bad_trial_failed(study, "lost", "took longer than 4 s")


@pytest.mark.faults_all
@pytest.mark.parametrize("where", ["build", "callback"])
@pytest.mark.parametrize("fault", FAILURES)
def test_nonsense_and_errors_of_whatever_kind_fail_one_trial(tmp_path, fault, where):
    if where == "callback" and fault in NONSENSE:
        where = "build"
    study = Study(tmp_path, env=harm(fault, where=where))
    ended = study.run()
    assert ended.code == 0, ended.err
    kinds = dict.fromkeys(NONSENSE, "BuildError")
    kinds |= {"exception": "RuntimeError", "unspeakable": "UnspeakableError"}
    kinds |= {"search_error": "SearchError", "usage_error": "UsageError"}
    kinds |= {"data_error": "DataError", "stop_iteration": "StopIteration|RuntimeError"}
    kinds |= {"memory_error": "MemoryError"}
    bad = bad_trial(study.came())
    assert re.fullmatch(kinds[fault], study.failures()[bad][0])
    check_only_the_bad_trial_failed(study, study.failures()[bad][0], "")
    assert fault in FAULTS or fault in NONSENSE


def test_a_study_whose_trials_all_die_ends_with_a_sentence(tmp_path):
    units = "4,5,6,7,8,9"
    study = Study(tmp_path, workers=2, env=harm("abort", units=units))
    ended = study.run()
    assert ended.code == 1
    assert "The first 3 trials failed alike: the worker was killed by SIGABRT." in ended.err
    assert "--keep-going" in ended.err


@pytest.mark.faults_all
def test_a_study_that_keeps_going_tries_all_trials(tmp_path):
    study = Study(tmp_path, env=harm("abort", units="4,5,6,7,8,9"))
    assert study.run().code == 1
    assert study.resume("--keep-going").code == 1
    assert len(study.failures()) == 6


@pytest.mark.faults_all
def test_the_sentence_names_the_line_of_the_users_code(tmp_path):
    study = Study(tmp_path, env=harm("exception", units="4,5,6,7,8,9"))
    ended = study.run()
    assert ended.code == 1
    place = r"problem\.py, line \d+, in fault\)"
    assert re.search(rf"failed alike: RuntimeError: no layers today \(.*{place}", ended.err)
    assert len(study.failures()) == 3
    assert study.resume().code == 1
    assert len(study.failures()) == 6
    assert study.resume().code == 1

"""What a backend has not got is refused before anything is loaded, with the word that was meant."""

import dataclasses
import sys

import pytest

from search.backends import base, registry
from search.backends.base import BackendSettings
from search.cli.main import main
from search.engine.resolve import resolve
from search.errors import UsageError
from search.study.config import StudyConfig, digest_of, from_plain


def check(backend, sampler=None, pruner=None, **own):
    registry.check(backend, sampler, pruner, own)


@pytest.mark.parametrize(
    ("arguments", "own", "message"),
    [
        (("optuna", "tep"), {}, r"unknown sampler 'tep'; did you mean 'tpe'\? Known: cmaes, nsga2"),
        (("optuna", None, "mediam"), {}, "unknown pruner 'mediam'; did you mean 'median'"),
        (("hyperopt", "aneal"), {}, "did you mean 'anneal'"),
        (("hyperbnad",), {}, "did you mean 'hyperband'"),
        (("hyperopt", "ei"), {}, "--sampler ei can only be used with --backend skopt, but"),
        (
            ("grid", "tpe"),
            {},
            "can only be used with --backend hyperopt or optuna, but this run uses --backend grid",
        ),
        (
            ("grid", "tep"),
            {},
            "--sampler can only be used with --backend hyperopt or optuna or skopt, but",
        ),
        (
            ("skopt", None, "asha"),
            {},
            "--pruner asha can only be used with --backend optuna, but this run uses --b",
        ),
        (
            ("optuna",),
            {"population": 9},
            "--population can only be used with --backend optuna --sampler nsga2, but this run "
            "uses --backend optuna --sampler tpe. Remove --population, or change the other options",
        ),
        (
            ("grid",),
            {"generations": 9},
            "--sampler nsga2, but this run uses --backend grid. Remove --gen",
        ),
    ],
)
def test_a_word_or_setting_of_another_is_refused(arguments, own, message):
    with pytest.raises(UsageError, match=message):
        check(*arguments, **own)


def test_what_a_backend_has_is_taken():
    settings = {field.name for field in dataclasses.fields(BackendSettings)}
    for backend in base.names():
        for sampler, own in {None: (), **registry.samplers(backend)}.items():
            for pruner in (None, *registry.pruners(backend)):
                check(backend, sampler, pruner, **dict.fromkeys(own, 5))
            assert settings.issuperset(own)


@pytest.mark.parametrize(("backend", "library"), [("hyperopt", "hyperopt"), ("skopt", "skopt")])
def test_without_its_library_a_backend_says_what_installs_it(
    backend, library, monkeypatch, capsys, tmp_path
):
    assert registry.install_command(backend) is None
    monkeypatch.setitem(sys.modules, library, None)  # how Python marks what cannot be imported
    words = ["run", "digits", "--backend", backend, "--workers", "1", "--store", str(tmp_path)]
    assert main(words) == 2
    command = f"pip install -c constraints.txt -e '.[{backend}]'"
    assert f"that is not installed. Run {command}" in capsys.readouterr().err
    assert main(["list", "backends"]) == 0
    assert f"not installed: {command}" in capsys.readouterr().out


def test_a_record_is_read_without_the_library_that_made_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skopt", None)
    assert resolve(StudyConfig("digits", backend="skopt", sampler="ei")).config.sampler == "ei"


def test_settings_reach_the_backend():
    config = StudyConfig("digits", backend="optuna", sampler="nsga2", population=8, generations=3)
    setup = resolve(from_plain(config.plain()))
    assert (setup.settings.population, setup.settings.generations) == (8, 3)
    assert setup.limit(None, None).trials == 8 * 3 + 1  # the baseline


def test_the_digest_of_settings_from_before_there_were_more_is_the_same():
    assert digest_of(StudyConfig("digits").plain()) == (
        "2536090f397219fe3861833458c2de61418f5bdb9934d7a5c532ecd5a4481ca3"
    )
    older = StudyConfig(
        "digits", backend="optuna", sampler="nsga2", pruner="none", assignments=("layers=1",)
    )
    assert digest_of(older.plain()) == (
        "5971fc1719b83019547443694a89f5e7d1c9ce4cb11a3405e01ebd2e06d21131"
    )
    assert digest_of(dataclasses.replace(older, population=8).plain()) != digest_of(older.plain())

"""Who trains: how many, on what, and that nobody is left behind."""

import stat
from pathlib import Path

import psutil
import pytest

from search.cli.commands.run import study_config
from search.cli.main import main
from search.cli.parser import parse
from search.engine.worker_setup import THREADS, TrainerFactory, WorkerInputs, versions_here
from search.engine.workers import WorkerSpec
from search.errors import DataError, UsageError
from search.executors import _hardware
from search.executors._processes_started import process_server
from search.problem.loading import load
from search.runtime import tensorflow_setup
from search.training.base import WorkerContext

NOWHERE = WorkerContext(Path("/nowhere"))


class Nobody:
    """A courier who has brought nothing."""

    def brought(self, trial):
        return None


@pytest.mark.parametrize(
    ("worker_spec", "recorded", "workers"),
    [
        (WorkerSpec(3), "1", 3),
        (WorkerSpec(None), "1", 1),
        (WorkerSpec(None), "4", 4),
        (WorkerSpec(None, gpus=("0", "1", "2")), None, 3),
        (WorkerSpec(None, gpus=("0",)), "cluster", 1),
        (WorkerSpec(None), None, _hardware.physical_cores()),
        (WorkerSpec(None, cluster="tcp://a:1"), "1", None),
    ],
)
def test_the_users_word_goes_first_then_what_was_recorded_then_what_there_is(
    worker_spec, recorded, workers
):
    assert worker_spec.sized(recorded).workers == workers


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """A machine whose NVIDIA tool lists two GPUs, with the libraries that TensorFlow needs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-a)'\necho 'GPU 1: B (UUID: GPU-b)'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "nvidia").mkdir()
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("visible", "found"),
    [(None, ("0", "1")), ("1", ("1",)), ("", ()), ("-1", ()), ("0,-1,1", ("0",))],
)
def test_gpus_are_those_that_the_driver_lists_and_the_user_leaves_visible(two_gpus, visible, found):
    assert _hardware.gpus(visible) == found


def test_without_the_driver_there_are_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _hardware.gpus(None) == _hardware.gpus("0") == ()


NO_DATA = """
from dataclasses import replace
from search.errors import DataError
from spaces.digits import PROBLEM as DIGITS
def load(data_dir):
    raise DataError("no data today")
PROBLEM = replace(DIGITS, name="mine", load=load)
"""


@pytest.mark.slow
def test_a_study_that_cannot_begin_leaves_no_worker_and_its_clear_line(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(NO_DATA)
    wrong = [
        (["run", "digits", "--backend", "optuna", "--sampler", "tpee"], "did you mean 'tpe'", 2),
        (["run", str(tmp_path / "mine.py"), "--backend", "randomized"], "no data today", 1),
    ]
    tensorflow_setup.prepare(
        THREADS
    )  # else the import in a thread may outlast pytest, which it would crash
    process_server(forks=True)  # which stays for the studies to come
    before = psutil.Process().children(recursive=True)
    for words, message, code in wrong:
        assert main([*words, "--workers", "2", "--quiet", "--store", str(tmp_path / "s")]) == code
        err = capsys.readouterr().err
        assert message in err
        assert len(err.strip().splitlines()) == 1
        assert psutil.Process().children(recursive=True) == before
    assert not (tmp_path / "s").exists()


def test_workers_and_a_cluster_do_not_go_together(tmp_path, capsys):
    words = ["run", "digits", "--workers", "2", "--cluster", "tcp://127.0.0.1:9"]
    assert main([*words, "--store", str(tmp_path)]) == 2
    assert "Remove one" in capsys.readouterr().err


MINE = """
from dataclasses import replace
import a_name_beside
from a_folder.names import NAME
from spaces.digits import PROBLEM as DIGITS
PROBLEM = replace(DIGITS, name=a_name_beside.NAME, description=NAME)
"""


@pytest.fixture
def worker_inputs(tmp_path, monkeypatch) -> WorkerInputs:
    """What travels of a study whose problem lies in a folder that is gone since."""
    monkeypatch.syspath_prepend(tmp_path)  # undone with the test, and what is added meanwhile
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "a_name_beside.py").write_text("NAME = 'mine'\n")
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "a_folder" / "names.py").write_text("NAME = 'of a folder'\n")
    config = study_config(parse(["run", str(tmp_path / "mine.py")]))
    sources = load(config.problem).sources
    for file in tmp_path.rglob("*.py"):
        file.unlink()
    return WorkerInputs(config, None, versions_here(), sources)


def test_what_has_travelled_loads_as_it_was_and_other_things_are_refused(worker_inputs, tmp_path):
    place = WorkerContext(tmp_path / "scratch", Nobody())
    loaded = worker_inputs(place)
    assert loaded.setup.problem.name == "mine"
    assert worker_inputs(place) is loaded, "loaded once in a process"
    right = TrainerFactory(
        worker_inputs, loaded.source_digest, loaded.data_digest, None, "study", 2
    )
    right(place)
    with pytest.raises(UsageError, match=r"problem .*mine.py' differs from the study's"):
        TrainerFactory(worker_inputs, "other", loaded.data_digest, None, "study", 2)(place)
    with pytest.raises(DataError, match=r"differ from the study's \(digest other\)"):
        TrainerFactory(worker_inputs, loaded.source_digest, "other", None, "study", 2)(place)


def test_a_worker_must_have_the_versions_and_the_folder_of_data(worker_inputs, tmp_path):
    older = tuple((n, "1.0" if n == "keras" else v) for n, v in worker_inputs.versions)
    with pytest.raises(UsageError, match=r"study: keras \S+ instead of 1.0. Install"):
        WorkerInputs(worker_inputs.config, None, older)(NOWHERE)
    with pytest.raises(DataError, match="--data-dir /no/such/folder is not a folder here"):
        WorkerInputs(worker_inputs.config, Path("/no/such/folder"), worker_inputs.versions)(NOWHERE)

"""`verify` trains trials again alone: as recorded for sound problems, and what is not is found."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from search.cli.main import main
from search.engine.coordinator import Coordinator
from search.engine.reopen import digests
from search.engine.resolve import resolve
from search.engine.verification import Choice as Trials
from search.engine.verification import Verification, opened
from search.engine.worker_setup import TrainerFactory, WorkerInputs, versions_here
from search.errors import UsageError
from search.executors._hardware import environments, memory_bytes
from search.executors._processes_pool import WorkerPool, local
from search.executors.fresh_process import FreshProcess
from search.executors.processes import ProcessExecutor
from search.kerastuner.hypermodel import from_hypermodel
from search.problem import loading as problems
from search.problem.pickling import pack
from search.problem.problem import Problem
from search.results import Study
from search.runtime.clock import SystemClock
from search.space.parameters import Choice, Float, Parameter
from search.study.config import StudyConfig
from search.study.event_json import decode, encode
from search.study.events import Entry
from search.study.journal import Journal
from search.study.journal_reader import read
from search.study.rules import LATEST_RULES
from search.study.store import Store
from search.study.study_record import fold
from search.trackers.memory import MemoryTracker
from tests import problem_data
from tests.field.tables import data, dense, problem, table
from tests.support import header

CLOCK = SystemClock()
X, Y = table(200)


def first_value(parameter: Parameter) -> str | None:
    """What leaves one network in a space: tracing each of several takes seconds."""
    if parameter.name == "epochs" or isinstance(parameter, Float):
        return None
    if isinstance(parameter, Choice):
        return f"{parameter.name}={parameter.options[0]}"
    return f"{parameter.name}={parameter.low}"


class LastingExecutor(ProcessExecutor):
    """Leaves its workers to the next study."""

    def close(self) -> None:
        pass


@dataclass
class Bench:
    """Two workers and a fresh process for all the studies of this file, in one store."""

    workers: WorkerPool
    fresh: FreshProcess
    store: Store

    def search(self, problem: Problem, trials: int = 3, **settings) -> str:
        """Search a problem by hyperband on both workers; the name of the study."""
        pickled = pack(problem)
        narrow = tuple(filter(None, map(first_value, problem.space.parameters)))
        config = StudyConfig(
            problem=pickled.word, trials=trials, max_epochs=3, assignments=narrow, **settings
        )
        setup, given = resolve(config, pickled), problem.load(None)
        first = replace(
            header("hyperband"),
            study=problem.name,
            objective=setup.problem.objective,
            config=config.plain(),
            space=setup.space.describe(),
            digests=digests(setup, given),
            versions={**dict(versions_here()), "workers": "2"},
            rules=LATEST_RULES,
        )
        limit = setup.limit(trials, None)
        entries = [Entry(0.0, first), Entry(0.0, limit)]
        proposer = setup.proposer()
        proposer.limit(trials)
        folder = self.store.checkpoints(problem.name).absolute()
        worker_inputs = WorkerInputs(config, None, versions_here(), pickled=pickled)
        digest = first.digests
        trainer_factory = TrainerFactory(
            worker_inputs, digest["problem"], digest["data"], folder, first.identity, LATEST_RULES
        )
        executor = LastingExecutor(self.workers, trainer_factory, CLOCK, waits=proposer.prunes)
        with Journal.create(self.store.journal(problem.name), entries) as journal:
            Coordinator(
                record=fold(entries),
                journal=journal,
                proposer=proposer,
                executor=executor,
                tracker=MemoryTracker(),
                clock=CLOCK,
                baseline=setup.baseline(),
            ).run()
        return problem.name

    def verify(self, problem: Problem, choice: Trials, *, fit: bool = False) -> list[Verification]:
        """Verify trials of its study."""
        pickled = pack(problem)
        verifier = opened(self.store, problem.name, self.fresh, None, pickled, fit=fit)
        return list(verifier(choice))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    first = pack(problem(lambda _: dense(), data(X, Y)))
    config = StudyConfig(problem=first.word)
    worker_inputs = WorkerInputs(config, None, versions_here(), pickled=first)
    workers = local(environments(2, ()), worker_inputs, memory_bytes=memory_bytes())
    try:
        yield Bench(workers, FreshProcess(), Store(tmp_path_factory.mktemp("store")))
    finally:
        workers.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problem_data.folder_for_all(tmp_path_factory.mktemp("data"))


def promoted(bench: Bench, study: str) -> str:
    """A trial that was promoted."""
    record = opened(bench.store, study, bench.fresh, None, None).record
    return next(name for name, trial in record.trials.items() if len(trial.proposals) > 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", problems.names())
def test_every_problem_is_trained_as_recorded_and_as_keras_fit_trains_it(bench, folder, name):
    found = problems.load(name).problem
    whole = problem_data.load(found, folder)
    few = replace(
        whole, train=whole.train.take(slice(64)), validation=whole.validation.take(slice(32))
    )
    small = replace(found, load=lambda _: few, baseline=None)
    which = Trials((promoted(bench, bench.search(small)),))
    (result,) = bench.verify(small, which)
    assert (result.same, result.exact) == (True, True), str(result)
    (result,) = bench.verify(small, which, fit=True)
    assert result.same, str(result)


def test_a_hypermodel_with_its_own_fit_is_trained_as_recorded(bench):
    class Own(keras_tuner.HyperModel):
        def build(self, hp):
            return dense(rate=hp.Float("rate", 1e-3, 1e-1, sampling="log"))

        def fit(self, hp, model, x, y, **settings):
            size = hp.Choice("size", [16, 32])
            return model.fit(x, y, **(settings | {"batch_size": size, "shuffle": True}))

    own = from_hypermodel(Own(), data(X, Y), "val_accuracy", name="own-fit")
    which = Trials((promoted(bench, bench.search(own)),))
    for fit in (False, True):
        for result in bench.verify(own, which, fit=fit):
            assert (result.same, result.exact) == (True, True), str(result)


def test_training_that_draws_what_nobody_seeds_is_called_random(bench):
    import os

    def build(params):
        model = dense(rate=params["rate"])
        model.layers[0].kernel.assign(model.layers[0].kernel + os.urandom(1)[0] / 1000)
        model.layers[0].bias.assign([int.from_bytes(os.urandom(2)) / 1e5, 0, 0])
        return model

    drawn = replace(problem(build, data(X, Y)), name="drawn")
    bench.search(drawn)
    (result,) = bench.verify(drawn, Trials())
    assert result.same is False
    assert result.difference.epoch == 1
    assert "training is random" in result.cause


def edit(journal: Path, change: Callable[[str], str]) -> None:
    """Write a journal again, with each entry changed as text, and with right checksums."""
    texts = [change(encode(entry)) for entry in read(journal)]
    journal.unlink()
    with Journal.create(journal, [decode(text) for text in texts]):
        pass


def test_a_promotion_that_loses_state_is_named_by_its_first_epoch(bench):
    plain = replace(problem(lambda _: dense(), data(X, Y)), name="promoted")
    name = promoted(bench, bench.search(plain))
    path = bench.store.journal("promoted")
    trial = opened(bench.store, "promoted", bench.fresh, None, None).record.trials[name]
    start = trial.proposals[1].budget.start
    right = dict(trial.curve[start].metrics)["val_loss"]
    # as after a promotion that begins with other weights
    edit(path, lambda text: text.replace(f'"val_loss":{right!r}', f'"val_loss":{right + 1!r}'))
    (result,) = bench.verify(plain, Trials((name,)))
    assert result.same is False
    assert result.difference.epoch == start + 1
    assert "promotion" in result.cause


def averaging(params):
    model = dense()
    optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def stopping(params):
    return [keras.callbacks.ReduceLROnPlateau("val_loss", patience=0, min_delta=10, factor=0.5)]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("folds", {}),
        ("weighted", {"weights": {0: 3.0, 1: 1.0, 2: 0.5}, "callbacks": stopping}),
        ("averaged", {"build": averaging}),
    ],
)
def test_what_keras_fit_gives_is_what_is_recorded(bench, name, more):
    build = more.get("build", lambda params: dense(rate=params["rate"]))
    whole = data(X, Y, class_weight=more.get("weights"))
    one = replace(problem(build, whole, callbacks=more.get("callbacks")), name=name)
    bench.search(one, **({"cv": 2} if name == "folds" else {}))
    for fit in (False, True):
        (result,) = bench.verify(one, Trials(), fit=fit)
        assert result.same, str(result)
        assert ("not compared" in result.cause) == (fit and name == "averaged")


def test_a_record_that_is_wrong_differs_from_the_epoch_that_is(bench):
    plain = replace(problem(lambda _: dense(), data(X, Y)), name="edited")
    bench.search(plain)
    path = bench.store.journal("edited")
    verifier = opened(bench.store, "edited", bench.fresh, None, pack(plain))
    best = verifier.record.best()
    curve = [dict(report.metrics) for report in best.curve]
    right, wrong = curve[1]["val_loss"], curve[1]["val_loss"] + 0.25
    edit(path, lambda text: text.replace(f'"val_loss":{right!r}', f'"val_loss":{wrong!r}'))
    for fit in (False, True):
        (result,) = bench.verify(plain, Trials(), fit=fit)
        assert result.same is False
        assert (result.difference.epoch, result.difference.metric) == (2, "val_loss")
        assert result.difference.recorded == pytest.approx(result.difference.trained + 0.25)
        assert Verification.from_plain(json.loads(json.dumps(result.plain))) == result


def test_the_command_says_what_came_of_it_and_exits_so(bench, tmp_path, capsys):
    written = tmp_path / "own.py"
    written.write_text(PROBLEM.format(x=0))
    store = ["--store", str(tmp_path / "store")]
    words = ["--backend", "randomized", "--trials", "1", "--workers", "1", "--quiet"]
    assert main(["run", str(written), *words, "--max-epochs", "2", *store]) == 0
    printed = capsys.readouterr().out
    assert "verified: loaded from its file in a new process" in printed
    study = Study("own-randomized-1", tmp_path / "store")
    assert (study.best.verified, study.best.reason) == (True, "")
    assert main(["verify", study.name, "--json", *store]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["same"], shown["by"], shown["trials"][0]["exact"]) == (True, "trainer", True)
    (result,) = study.verify(fit=True)
    assert result.same
    path = tmp_path / "store" / "journals" / "own-randomized-1.jsonl"
    edit(path, lambda text: text.replace('"val_loss":', '"val_lost":'))
    assert main(["verify", f"{study.name}/1", *store]) == 1
    assert "trial 1: DIFFERS from epoch 1 on: val_lo" in capsys.readouterr().out


PROBLEM = """
import keras
import numpy as np

from search import Data, Float, Objective, Part, Problem, Space


def load(data_dir):
    x = np.random.default_rng({x}).normal(size=(80, 4)).astype("float32")
    y = x[:, :3].argmax(1)
    return Data(Part(x[:40], y[:40]), Part(x[40:60], y[40:60]), Part(x[60:], y[60:]))


def build(params):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    rate = keras.optimizers.Adam(params["rate"])
    model.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    "own", Space(Float("rate", 1e-3, 1e-1)), Objective("val_accuracy", "max"), load, build
)
"""


def test_wrong_use_of_verify_is_refused(bench, capsys):
    store = ["--store", str(bench.store.root)]
    assert main(["verify", "a-1/1", "b-1/1", *store]) == 2
    assert "one study" in capsys.readouterr().err
    assert main(["verify", "a-1/1", "--all", *store]) == 2
    assert main(["verify", "a-1", "--sample", "0", *store]) == 2
    assert main(["verify", "nothing-1", *store]) == 2
    with pytest.raises(UsageError, match="unknown trial"):
        Trials(("99",)).of(opened(bench.store, "edited", bench.fresh, None, None).record)


def test_a_sample_is_the_winner_and_others_and_always_the_same(bench):
    record = opened(bench.store, "edited", bench.fresh, None, None).record
    names = [trial.trial for trial in Trials(sample=3).of(record)]
    assert names[0] == record.best().trial
    assert len(set(names)) == 3
    assert names == [trial.trial for trial in Trials(sample=3).of(record)]
    assert np.all([name in record.trials for name in names])

"""The benchmarks' pure parts, and that the same trials run through every contender."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    chart,
    charts,
    hyperband,
    limit,
    memory,
    pictures,
    processes,
    report,
    results,
    simulator,
    tables,
)
from benchmarks.peers.__main__ import answer
from benchmarks.problems import _tasks
from benchmarks.results import Results
from search.problem import loading
from search.study.journal import Journal
from search.study.store import Store
from tests.records import header, whole_life

ROOT = Path(__file__).parent.parent


def peer_row(contender: str, number: int, seconds: float, scores: list[float]) -> dict[str, Any]:
    return {
        "task": "twelve",
        "contender": contender,
        "round": number,
        "seconds": seconds,
        "trials": 2,
        "epochs": 10,
        "data": "Fashion-MNIST",
        "scores": scores,
    }


PEERS = [
    peer_row("ours", 1, 10.0, [0.80, 0.90]),
    peer_row("ours", 2, 12.0, [0.82, 0.88]),
    peer_row("ours", 3, 11.0, [0.81, 0.89]),
    peer_row("kerastuner", 1, 100.0, [0.81, 0.91]),
    peer_row("kerastuner", 2, 90.0, [0.81, 0.91]),
]


def test_the_twelve_configurations_are_what_the_documents_promise():
    task = _tasks.task("twelve")
    hidden = [tuple(c["hidden"]) for c in task.configurations]
    assert len(task.configurations) == 12
    assert (hidden[0], hidden[-1]) == ((32,), (300, 100))
    assert sorted(
        {(h, c["optimizer"]) for h, c in zip(hidden, task.configurations, strict=True)}
    ) == (sorted((h, o) for h in set(hidden) for o in ("sgd", "adam")))
    assert (task.epochs, task.batch_size, task.metric) == (10, 32, "val_accuracy")


def test_the_regression_has_thirty_different_configurations_of_one_network():
    task = _tasks.task("regression")
    assert len({json.dumps(c) for c in task.configurations}) == len(task.configurations) == 30
    assert {tuple(c["hidden"]) for c in task.configurations} == {(30,)}
    assert (task.epochs, task.batch_size, task.direction) == (20, 32, "min")


def test_the_made_up_table_has_the_shape_of_california_housing():
    task = _tasks.task("regression")
    data = _tasks.load(task, None)
    assert data.test is not None
    sizes = [part.x.shape for part in (data.train, data.validation, data.test)]
    assert sizes == [(11_610, 8), (3_870, 8), (5_160, 8)]
    assert _tasks.source(task, None) == "synthetic"


def test_another_file_under_the_name_of_the_table_is_refused(tmp_path):
    (tmp_path / "cal_housing.data").write_text("1,2,3\n")
    with pytest.raises(ValueError, match="StatLib"):
        _tasks.load(_tasks.task("regression"), tmp_path)


@pytest.mark.parametrize("name", ["twelve", "regression"])
def test_every_configuration_builds_its_network(name):
    task = _tasks.task(name)
    for configuration in task.configurations:
        widths = [layer.units for layer in _tasks.build(task, configuration).layers[-2:]]
        assert widths == [configuration["hidden"][-1], 10 if name == "twelve" else 1]


def test_rounds_begin_with_another_contender_each():
    names = ["a", "b", "c"]
    orders = [processes.order(names, number) for number in (1, 2, 3, 4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_a_measurement_is_kept_with_its_commit_and_machine(tmp_path):
    kept = Results("peers", tmp_path)
    kept.append({"contender": "ours", "round": 1})
    kept.append({"contender": "ours", "round": 2})
    assert [row["round"] for row in kept.rows()] == [1, 2]
    assert kept.has(contender="ours", round=2)
    assert not kept.has(contender="ours", round=3)
    machines = json.loads((tmp_path / "machines.json").read_text())
    assert set(machines[kept.rows()[0]["machine"]]) >= {"processor", "cores", "memory", "keras"}


def test_a_line_that_a_kill_cut_off_is_lost_alone(tmp_path):
    kept = Results("peers", tmp_path)
    kept.append({"round": 1})
    with kept.path.open("a") as file:
        file.write('{"round": 2, "seco')
    assert [row["round"] for row in kept.rows()] == [1]
    kept.append({"round": 3})
    assert [row["round"] for row in kept.rows()] == [1, 3]


def test_machine_facts_name_neither_the_machine_nor_a_path_on_it():
    from platform import node

    from benchmarks import machine

    text = json.dumps(machine.facts())
    assert str(Path.home()) not in text
    assert not any(value.startswith("/") for value in machine.facts().values())
    assert node() not in machine.facts().values()


def test_seconds_are_shown_with_their_spread():
    assert results.seconds([3.0, 1.0, 2.0]) == "2.0 (1.0–3.0)"
    assert results.seconds([512.4]) == "512"
    assert results.seconds([]) == "–"


def test_ratios_are_formed_within_rounds():
    # 100/10 and 90/12; the third round has no KerasTuner
    assert tables.ratio(PEERS, "kerastuner") == "8.8 (7.5–10.0)"
    assert tables.ratio(PEERS, "optuna_script") == "–"


def test_the_peers_table_has_trials_per_hour_ratios_and_scores_side_by_side():
    text = tables.peers(PEERS, "twelve")
    assert "| this platform, 2 workers | 3 | 11.0 (10.0–12.0) | 655 | 1 |" in text
    assert "| KerasTuner | 2 | 95.0 (90.0–100.0) | 76 | 8.8 (7.5–10.0) |" in text
    assert "| KerasTuner | 0.8600 | 0.8600–0.8600 | 0.0000 | +0.0100 |" in text
    assert "| this platform, 2 workers | 0.8500 | 0.8500–0.8500 | 0.0100 | – |" in text


def test_nothing_is_invented_where_nothing_was_measured(tmp_path):
    assert set(report.sections(tmp_path).values()) == {tables.MISSING}
    assert not chart.draw(tmp_path, tmp_path / "chart.svg")
    assert not (tmp_path / "chart.svg").exists()


def test_the_page_has_every_marker_and_keeps_the_prose_around_them():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    parts = dict.fromkeys(report.sections(ROOT / "benchmarks" / "results"), "| a \\1 |")
    whole = report.filled(page, parts)
    assert whole.count("| a \\1 |") == len(parts)
    assert report.filled(whole, parts) == whole
    for line in page.splitlines():
        if line.startswith(("#", "`python", "How long")):
            assert line in whole


def test_a_page_without_a_marker_is_refused():
    with pytest.raises(ValueError, match="begin limit"):
        report.filled("no markers", {"limit": "text"})


def test_best_so_far_and_the_time_to_a_target():
    timeline = [(3.0, 0.8), (1.0, 0.7), (2.0, 0.6), (4.0, 0.9)]
    assert hyperband.best_so_far(timeline) == [(1.0, 0.7), (3.0, 0.8), (4.0, 0.9)]
    assert hyperband.seconds_to(timeline, 0.8) == 3.0
    assert hyperband.seconds_to(timeline, 0.95) is None


def test_the_baseline_does_not_count_as_hyperbands_own():
    watch = hyperband.Watch()
    for trial, accuracy in (("0", 0.9), ("1", 0.7)):
        event = {"event": "epoch", "trial": trial, "metrics": {"val_accuracy": accuracy}}
        watch.hear(json.dumps(event))
    watch.hear("a warning\n")
    assert [score for _, score in watch.timeline] == [0.7]


def test_a_target_that_was_missed_counts_as_such():
    row = {"seconds": 50.0, "epochs": 84, "best": 0.88}
    rows = [
        row | {"contender": "ours", "round": 1, "timeline": [[10.0, 0.886]]},
        row | {"contender": "kerastuner", "round": 1, "timeline": [[40.0, 0.88]]},
    ]
    text = tables.hyperband(rows)
    assert "| 10.0, 1 of 1 |" in text
    assert "| –, 0 of 1 | – |" in text


def test_the_products_of_an_epoch_are_counted():
    # forward 8 x 30 and 30 x 1, to the weights the same, to the layer before 30 x 1
    assert limit.floating_operations((8, 30, 1), 10) == 10 * 2 * (240 + 30 + 240 + 30 + 30)


def test_ours_is_compared_to_the_products_as_the_rule_says():
    row = {"widths": [8, 30, 1], "optimizer": "sgd", "rows": 100, "rule": "graph"}
    ways = {"products": 0.002, "graph": 0.003, "compiled": 0.001, "fit": 0.2}
    text = tables.limit([row | {"way": way, "seconds": value} for way, value in ways.items()])
    assert "| 8-30-1 | sgd | 2.0 (0) | **3.0** | 1.0 | 200.0 | 1.50 (1.50–1.50) |" in text


def test_memory_is_compared_to_when_it_had_settled():
    samples = [{"coordinator": 90.0}, {"coordinator": 100.0, "7": 500.0}, {"coordinator": 95.0}]
    samples.append({"coordinator": 104.0, "7": 520.0, "8": 480.0})
    assert memory.grown(samples, 2) == {"coordinator": 4.0, "7": 20.0, "8": 0.0}


def test_architectures_are_told_apart_by_their_layers():
    def trial(**params: Any) -> dict[str, Any]:
        return {"params": {"layers": 1, "neurons_1": 8, "learning_rate": 0.1} | params}

    trials = [trial(), trial(learning_rate=0.2), trial(neurons_1=9), trial(dropout=0.1)]
    assert memory.architectures({"trials": trials}) == 3


def test_the_store_that_is_looked_at_has_all_that_a_report_shows(tmp_path):
    record = charts.simulate(Store(tmp_path), "simulated", 60)
    trials = list(record.trials.values())
    assert len(trials) == 60
    assert {trial.state("finished") for trial in trials} >= {"completed", "pruned"}
    row = {"part": "report", "trials": 2_000, "seconds": 9.0, "megabytes": 9.01}
    paint = {"trials": 2_000, "numbers_seconds": 0.7, "seconds": 2.5}
    shown = tables.charts([row, row], [paint])
    assert "| `report`, whole process, 2,000 trials | 2 | 9.0 (9.0–9.0) | 9.0 |" in shown
    assert "page to its numbers and table, 2,000 trials | 1 | 0.7 | – |" in shown
    assert tables.charts([], []) == tables.MISSING


@pytest.mark.parametrize("workers", [1, 10])
def test_simulated_workers_are_kept_busy_by_a_random_search(tmp_path, workers):
    row = simulator.simulate("randomized", workers, 200, tmp_path / "simulated.jsonl")
    assert row["trials"] == 200
    assert 0.8 < row["busy"] <= 1.0


def test_the_chart_is_drawn_from_recorded_measurements(tmp_path):
    for row in PEERS:
        Results("peers", tmp_path).append(row)
    curve = {"round": 1, "seconds": 60.0, "timeline": [[5.0, 0.8], [50.0, 0.89]]}
    for name in ("ours", "kerastuner"):
        Results("hyperband", tmp_path).append(curve | {"contender": name})
    assert chart.draw(tmp_path, tmp_path / "one.svg")
    assert chart.draw(tmp_path, tmp_path / "two.svg")
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert chart.OURS.lower() in text
    assert chart.PEER.lower() in text


def test_kerastuners_space_is_that_of_the_fashion_problem():
    import keras_tuner

    from benchmarks.peers import kerastuner_hyperband
    from spaces.fashion import PROBLEM

    theirs = keras_tuner.HyperParameters()
    network = kerastuner_hyperband.Network(0.0)
    # every branch of the conditions: three layers, each with its own width and activation
    for shapes in (("free", "free"), ("funnel", "same")):
        theirs.Fixed("layers", 3)
        theirs.values |= {"layers": 3, "neurons_shape": shapes[0], "activation_shape": shapes[1]}
        network.build(theirs)
    theirs.Choice("batch_size", [32, 64, 128, 256])
    names = {node.name for node in PROBLEM.space.nodes} - {"epochs"}
    assert set(theirs.values) == names


def test_the_document_of_a_run_gives_scores_in_the_order_of_the_list():
    def trial(configuration: int, state: str = "completed") -> dict[str, Any]:
        params = {"configuration": configuration}
        return {"params": params, "state": state, "score": configuration / 10, "seconds": 1.0}

    assert answer({"trials": [trial(1), trial(0)]}, 2)["scores"] == [0.0, 0.1]
    with pytest.raises(KeyError):
        answer({"trials": [trial(0)]}, 2)
    with pytest.raises(KeyError):
        answer({"trials": [trial(0), trial(1, "failed")]}, 2)


@pytest.mark.slow
def test_every_contender_scores_every_configuration_of_a_small_list(tmp_path):
    words = ("--quick", "--task", "regression")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *words, "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = Results("peers", tmp_path).rows()
    found = [row["contender"] for row in rows]
    assert found == ["ours", "kerastuner", "optuna_script", "gridsearchcv"]
    assert [len(row["scores"]) for row in rows] == [2] * 4
    assert all(row["seconds"] > 0 for row in rows)


def test_the_coordinators_tables_show_rates_sizes_and_the_share_beside_epochs():
    rows = [
        {
            **{"part": "throughput", "backend": "grid", "workers": 1000},
            **{"trials_per_second": 1433, "journal_bytes_per_trial": 830},
        },
        {
            **{"part": "size", "trials": 100_000, "memory_mb": 86.0},
            **{"resumed_memory_mb": 90.0, "resume_seconds": 43.2},
        },
        *(
            {"part": "share", "problem": "fashion", "mlflow": mlflow, "epochs": 40}
            | {"epoch_seconds": 50.0, "other_seconds": beside}
            for mlflow, beside in (("mlflow", 2.0), ("none", 1.0))
        ),
    ]
    shown = tables.coordinator(rows)
    assert "| grid, 1,000 simulated workers | 1,433 | 830 |" in shown
    assert "| 100,000 | 86 | 90 | 43.2 |" in shown
    assert "| fashion, 40 epochs, with MLflow | 50.0 | 2.0 | 4.0 % (4.0–4.0) |" in shown
    assert "| 1.0 | 2.0 % (2.0–2.0) |" in shown
    assert tables.coordinator(rows[:2]) == tables.MISSING


def test_the_page_of_problems_is_filled_from_the_journals_of_a_store(tmp_path):
    store = Store(tmp_path)
    store.journals.mkdir(parents=True)
    for study, created in (("digits-2", 2), ("digits-1", 1)):
        started = header(study, "digits", created)
        with Journal.create(store.journal(study), whole_life(started)):
            pass
    studies = pictures.found(store)
    assert [study.study for study in studies.values()] == ["digits-2"], "the newest of each"
    parts = pictures.sections(studies, loading.names())
    assert "| [`digits`](#digits) | 5 | 10 | " in parts["results"]
    assert "| `val_accuracy` | 0.5000 | 0.7000 | 0.6800 |" in parts["results"]
    assert "| [`xor`](#xor) | Not measured yet." in parts["results"]
    assert parts["digits"].startswith("![Learning curves of digits](images/problems/digits.svg)")
    assert "`val_accuracy` 0.7000 (baseline 0.5000) at epoch 2" in parts["digits"]
    page = pictures.PAGE.read_text(encoding="utf-8")
    headings = {line[3:].replace(", ", "-") for line in page.splitlines() if line[:3] == "## "}
    assert {pictures.anchor(name) for name in loading.names()} == headings
    assert parts["digits"] in report.filled(page, parts)
    assert pictures.picture(studies["digits"]).layout.title.text == "digits: val_accuracy by epoch"

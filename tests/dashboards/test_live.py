"""The live page without a server: what is followed, what the table shows, what is said."""

from base64 import b64decode
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from dashboards.live import figures, headline, layout, table, trial_detail
from dashboards.live.app import make
from dashboards.live.follower import LEAST_SECONDS, Watcher
from dashboards.live.table_rows import PAGE, Wanted, page
from search.engine.plan import recorded_plan
from search.errors import JournalError
from search.study.architecture import Layer, Network
from search.study.event_json import encode
from search.study.events import Entry, Told
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import fold
from search.study.trial import Completed, Failed
from tests.dashboards.studies import simulated
from tests.records import asked, entries, header, reported, whole_life
from tests.support import write_journal
from tests.trackers.watching import HandClock


def texts(component) -> list[str]:
    """All words of a component and of what is in it, in order."""
    if isinstance(component, str):
        return [component]
    if isinstance(component, list | tuple):
        return [text for part in component for text in texts(part)]
    return texts(getattr(component, "children", None) or [])


def written(root: Path, life: list[Entry]) -> Path:
    """A store with this study; nobody writes it."""
    path = Store(root).journal(life[0].event.study)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_journal(path, map(encode, life))
    return path


def watcher(root: Path, clock: HandClock | None = None) -> Watcher:
    return Watcher(Store(root), recorded_plan, clock or HandClock())


def test_a_study_is_followed_as_its_journal_grows(tmp_path):
    life, clock = whole_life(), HandClock()
    watch = watcher(tmp_path, clock)
    with Journal.create(Store(tmp_path).journal("demo-1"), life[:2]) as journal:
        for end in range(2, len(life) - 1):
            journal.append(life[end])
            journal.commit()
            record, standing = fold(life[: end + 1]), watch.look("demo-1")
            assert standing.entries == record.entries
            assert standing.epochs[0] == record.epochs_trained
            assert [f.trial for f in standing.flights] == [t.trial for t in record.pending]
            expected = record.best()
            assert (standing.best and standing.best.trial) == (expected and expected.trial)
        assert standing.failures == 1
        assert standing.latest_failure == "trial 3 with ValueError: no such optimizer"


def test_time_goes_on_between_events_and_the_tables_wait_for_their_turn(tmp_path):
    life, clock = whole_life(), HandClock()
    watch = watcher(tmp_path, clock)
    with Journal.create(Store(tmp_path).journal("demo-1"), life[:8]) as journal:
        first = watch.look("demo-1")
        clock.now += LEAST_SECONDS / 2
        assert watch.look("demo-1").elapsed == pytest.approx(first.elapsed + LEAST_SECONDS / 2)
        journal.append(life[8])
        journal.commit()
        assert watch.look("demo-1").entries == 9
        assert len(watch.drawn("demo-1").tables.trials) == 2
        clock.now += LEAST_SECONDS
        assert watch.look("demo-1").drawn == 2
        assert len(watch.drawn("demo-1").tables.trials) == 3
        watch.drawn("demo-1").cost = 0.5  # twenty times as long must pass before the next
        journal.append(life[9])
        journal.commit()
        clock.now += 9.0
        assert watch.look("demo-1").drawn == 2
        clock.now += 2.0
        assert watch.look("demo-1").drawn == 3


def test_a_study_whose_process_is_gone_is_interrupted_and_its_time_stands_still(tmp_path):
    written(tmp_path, whole_life()[:8])
    clock = HandClock()
    watch = watcher(tmp_path, clock)
    before = watch.look("demo-1")
    clock.now += 100.0
    after = watch.look("demo-1")
    assert (after.state, after.elapsed) == ("interrupted", before.elapsed)
    assert (after.left, after.speed) == (None, None)


def test_another_study_of_the_same_name_is_read_from_its_beginning(tmp_path):
    path = written(tmp_path, whole_life())
    watch = watcher(tmp_path)
    assert watch.look("demo-1").trials[0] == 5
    path.unlink()
    written(tmp_path, whole_life()[:5])
    assert watch.look("demo-1").trials[0] == 0


def test_a_damaged_journal_is_said_and_read_again_once_it_is_whole(tmp_path):
    path = written(tmp_path, whole_life()[:8])
    whole = path.read_bytes()
    path.write_bytes(whole + b"{broken\n")
    watch = watcher(tmp_path)
    with pytest.raises(JournalError, match="line 9 is damaged"):
        watch.look("demo-1")
    path.write_bytes(whole)
    assert watch.look("demo-1").entries == 8


def test_half_a_line_is_not_there_yet(tmp_path):
    path = written(tmp_path, whole_life()[:8])
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    watch = watcher(tmp_path)
    assert watch.look("demo-1").entries == 7
    path.write_bytes(whole)
    assert watch.look("demo-1").entries == 8


def test_the_latest_study_comes_first(tmp_path):
    import os

    for n, name in enumerate(("b-1", "a-1", "c-1")):
        os.utime(written(tmp_path, entries([], header(name))), ns=(n, n))
    assert watcher(tmp_path).studies() == ["c-1", "a-1", "b-1"]


@pytest.fixture(scope="module")
def trials(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("trials")
    written(folder, simulated(folder / "made.jsonl", "randomized", trials=60))
    return watcher(folder).drawn("a-study").tables.trials


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("", lambda f: f["trial"] == f["trial"]),
        ("FAILED", lambda f: f["state"] == "failed"),
        ("score>0.5 layers=2", lambda f: (f["score"] > 0.5) & (f["params.layers"] == 2)),
        ("optimizer!=sgd", lambda f: f["params.optimizer"] != "sgd"),
        ("state:comp learning_rate<=1e-2",
         lambda f: (f["state"] == "completed") & (f["params.learning_rate"] <= 0.01)),
        ("neurons_2>0", lambda f: f["params.neurons_2"] > 0),
    ],
)  # fmt: skip
def test_a_filter_keeps_the_rows_that_fit_all_its_words(trials, text, keeps):
    found = page(trials, Wanted(text))
    expected = trials.loc[keeps(trials), "trial"].tolist()
    assert [row[0] for row in found.rows] == expected[:PAGE]
    assert (found.found, found.total, found.remark) == (len(expected), 60, "")


@pytest.mark.parametrize(
    ("text", "remark"),
    [("scor>0.5", "no column 'scor'"), ("score>high", "score > needs a number, got 'high'")],
)
def test_a_word_that_cannot_be_understood_is_said_and_hides_nothing(trials, text, remark):
    found = page(trials, Wanted(text))
    assert (found.remark, found.found) == (remark, 60)


def test_the_table_sorts_by_numbers_with_the_empty_cells_last(trials):
    for descending in (False, True):
        found = [page(trials, Wanted("", "score", descending, n)) for n in range(3)]
        order = [row[0] for part in found for row in part.rows]
        by = trials.sort_values("score", ascending=not descending, kind="stable")
        assert order == by["trial"].tolist()
    assert page(trials, Wanted("", "", page=99)).page == 2


def test_the_headline_says_best_trials_epochs_time_and_failures(tmp_path):
    written(tmp_path, whole_life())
    standing = watcher(tmp_path).look("demo-1")
    said = [" ".join(filter(None, texts(part))) for part in headline.headline(standing)]
    assert said == [
        "Best 0.7000 val_accuracy, trial 2 at epoch 2; +0.2000 over the baseline",
        "Trials 5/5 100 %",
        "Epochs 10/13",
        "Elapsed 0:08 active time",
        "Test accuracy 0.6800 loss 0.4000",
        "Failures 1 trial 3 with ValueError: no such optimizer",
    ]
    assert headline.flights(standing) == []
    assert "finished" in texts(headline.about(standing))


def test_trials_in_flight_have_a_row_with_their_curve(tmp_path):
    events = [asked("1", 0, 9), reported("1", 1, 0.3), reported("1", 2, 0.5), asked("2", 0, 9)]
    written(tmp_path, entries(events))
    title, rows = headline.flights(watcher(tmp_path).look("demo-1"))
    assert texts(title) == ["Unfinished trials", "2"]
    assert texts(rows)[0] == "trial 1"
    assert {"2/9", "0/9", "best 0.5000"} <= set(texts(rows))


def test_an_opened_trial_shows_its_parameters_and_why_it_failed(tmp_path):
    failure = Told("1", Failed("ValueError", "no such <optimizer>", "trace", 1))
    events = [asked("1", 0, 9), reported("1", 1, 0.3), failure]
    written(tmp_path, entries(events))
    tables = watcher(tmp_path).drawn("demo-1").tables
    said = texts(trial_detail.facts(tables, "1"))
    assert {"layers", "2", "learning_rate", "0.02", "ValueError: no such <optimizer>"} <= set(said)
    assert trial_detail.curve(tables, "1", None).figure.data
    assert (
        trial_detail.architecture(tables.record.trials["1"]) == []
    )  # it failed: nothing told of it


def test_an_opened_trial_shows_its_network(tmp_path):
    network = Network((Layer("Input", (8,)), Layer("Dense", (64,), 576, "relu", (0,))))
    done = Told("1", Completed(0.5, 1, 1, 0.25, 576, network=network))
    written(tmp_path, entries([asked("1", 0, 1), reported("1", 1, 0.5), done]))
    tables = watcher(tmp_path).drawn("demo-1").tables
    parts = trial_detail.architecture(tables.record.trials["1"])
    assert {"1: Dense", "64", "relu", "576", "576 parameters in total"} <= set(texts(parts))
    picture = b64decode(parts[1].src.partition(",")[2]).decode()
    assert picture.startswith("<svg")
    assert "prefers-color-scheme: dark" in picture


@pytest.mark.parametrize("count", [1, 2, 5, 9, 24])
def test_every_figure_can_be_drawn_from_the_first_event_on(tmp_path, count):
    written(tmp_path, list(islice(whole_life(), count)))
    watch = watcher(tmp_path)
    drawn = watch.drawn("demo-1")
    for word in figures.EXPLORED:
        shown = figures.explored(drawn.tables, drawn.ranking, word)
        assert shown.title
        assert shown.figure.layout.uirevision == f"demo-1 {word}"
    whole = layout.whole(watch.look("demo-1"), drawn, ["demo-1"])
    assert "Trials" in texts(whole)


def test_a_page_of_the_table_marks_the_best_and_what_is_open(tmp_path):
    written(tmp_path, whole_life())
    tables = watcher(tmp_path).drawn("demo-1").tables
    wanted = Wanted("", "score", descending=True)
    scroll, pager = table.table(page(tables.trials, wanted), wanted, "3", tables.best)
    head, body = scroll.children.children
    sorts = [th.to_plotly_json()["props"]["aria-sort"] for th in head.children.children]
    assert sorts.count("descending") == 1
    assert texts(body.children[0])[:3] == ["2", " ", "best"]
    assert [row.className for row in body.children].count("opened") == 1
    assert "1–5 of 5" in texts(pager)


def test_an_empty_store_has_a_page_that_says_so(tmp_path):
    app = make(watcher(tmp_path), HandClock())
    answer = app.server.test_client().get("/_dash-layout")
    assert "There are no studies in" in answer.text

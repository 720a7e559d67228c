"""The TensorBoard tracker, read back by TensorBoard's own readers."""

import subprocess
import sys
from pathlib import Path

import pytest

from search import Choice, Float, Int, Space
from search.space.space import from_description
from search.study.events import Entry, Stopped
from search.study.study_record import fold
from search.trackers.tensorboard import TensorBoardTracker
from tests.records import asked, entries, header, play, reported, whole_life
from tests.trackers.contract import TrackerContract, _promotion


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "tensorboard"


class TestTensorBoard(TrackerContract):
    @pytest.fixture
    def make(self, folder):
        return lambda: TensorBoardTracker(folder)


def watch(folder: Path, journal: list[Entry], known: int = 1) -> None:
    """A process that begins with `known` entries of the journal and sees the rest of them come."""
    record, tracker = fold(journal[:known]), TensorBoardTracker(folder)
    tracker.start_study(record)
    play(tracker, record, journal[known:])
    if record.stopped is not None:
        tracker.end_study(record, None)


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def curve(folder: Path, trial: str, tag: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "demo-1" / trial)).Reload()
    return [(scalar.step, pytest.approx(scalar.value)) for scalar in events.Scalars(tag)]


def hparams(folder: Path):
    """What the HParams plugin makes of a folder: the experiment, and its session groups by name."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, list_session_groups
    from tensorboard.plugins.hparams.backend_context import Context

    runs = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    provider = MultiplexerDataProvider(runs, str(folder))
    context = Context(base_plugin.TBContext(data_provider=provider))
    asking = RequestContext()
    tags = context.hparams_metadata(asking, "")
    experiment = context.experiment_from_metadata(
        asking, "", True, tags, context.hparams_from_data_provider(asking, "", 0)
    )
    statuses = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[*statuses, api_pb2.STATUS_RUNNING],
        slice_size=100,
        include_metrics=True,
        col_params=[api_pb2.ColParams(metric=m.name) for m in experiment.metric_infos],
    )
    answer = list_session_groups.Handler(asking, context, "", request).run()
    return experiment, {group.name: group for group in answer.session_groups}


def test_every_epoch_of_every_trial_is_there_once_with_its_outcomes(folder):
    watch(folder, whole_life())
    assert curve(folder, "0", "val_accuracy") == [(1, 0.3), (2, 0.5), (3, 0.4)]
    assert curve(folder, "2", "val_accuracy") == [(1, 0.6), (2, 0.7), (3, 0.65)]
    assert curve(folder, "2", "score") == [(1, 0.6), (3, 0.7)]
    assert curve(folder, "3", "epochs") == [(1, 1.0)]


def test_the_hparams_plugin_compares_the_trials(folder):
    from tensorboard.plugins.hparams import api_pb2

    watch(folder, whole_life())
    experiment, groups = hparams(folder / "demo-1")
    assert [metric.name.tag for metric in experiment.metric_infos] == [
        *("score", "val_accuracy", "epochs", "seconds")
    ]
    assert {info.name for info in experiment.hparam_infos} == {
        *("layers", "optimizer", "learning_rate")
    }
    assert sorted(groups) == ["0", "1", "2", "3", "4"]
    winner = groups["2"]
    assert winner.hparams["learning_rate"].number_value == pytest.approx(0.03)
    values = {value.name.tag: value.value for value in winner.metric_values}
    assert values["score"] == pytest.approx(0.7)
    assert (values["epochs"], values["val_accuracy"]) == (3, pytest.approx(0.65))
    ends = {name: group.sessions[0].status for name, group in groups.items()}
    assert ends.pop("3") == api_pb2.STATUS_FAILURE
    assert set(ends.values()) == {api_pb2.STATUS_SUCCESS}, "one left behind in a rung has ended"


def test_a_study_that_is_cut_anywhere_and_resumed_leaves_the_same_files(folder, tmp_path):
    journal = whole_life()
    watch(folder, journal)
    expected = contents(folder)
    for cut in range(2, len(journal)):
        own = tmp_path / str(cut)
        watch(own, journal[:cut])
        for path in own.glob("**/events*"):  # what was being written was cut too
            path.write_bytes(path.read_bytes()[:-3])
        watch(own, journal, cut)
        assert contents(own) == expected


def test_a_file_that_holds_more_or_something_else_is_replaced(folder):
    journal = whole_life()
    watch(folder, journal)
    expected = contents(folder)
    watch(folder, [*journal[: _promotion(journal)], Entry(9.0, Stopped("exhausted"))], 20)
    assert contents(folder) != expected
    watch(folder, journal, len(journal))
    assert contents(folder) == expected


def test_another_study_of_the_same_name_is_left_alone(folder):
    watch(folder, whole_life())
    before = contents(folder)
    later = entries([asked("1", 0, 1), reported("1", 1, 0.5)], header(created_ms=1_800_000_000_000))
    watch(folder, later)
    watch(folder, later, len(later))
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in set(after) - set(before)} == {"demo-1.2"}


def test_a_baseline_outside_the_space_is_not_hidden(folder):
    space = Space(
        Int("layers", 1, 2),
        Int("neurons", 8, 64, per="layers", shapes=("same", "free")),
        Choice("optimizer", ("sgd", "adam"), when={"layers": (1, 2)}),
        Choice("bias", (True, False)),
        Float("rate", 0.1, 0.5),
    )
    assert from_description(space.describe()).describe() == space.describe()
    first = header()
    first.event.space[:] = space.describe()
    params = {"layers": 3, "neurons_1": 8, "optimizer": "nadam", "bias": True, "rate": 0.9}
    watch(folder, entries([asked("0", 0, 1, params=params)], first))
    experiment, groups = hparams(folder / "demo-1")
    infos = {info.name: info for info in experiment.hparam_infos}
    assert set(infos) == {
        *("layers", "neurons_shape", "neurons_1", "neurons_2", "optimizer", "bias", "rate")
    }
    assert list(infos["optimizer"].domain_discrete) == ["sgd", "adam", "nadam"]
    assert infos["layers"].domain_interval.max_value == 3
    assert infos["rate"].domain_interval.max_value == 0.9
    assert groups["0"].hparams["bias"].bool_value is True


def test_tensorflow_is_not_imported_for_it(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.records import whole_life; "
        "from tests.trackers.test_tensorboard import watch; "
        f"watch(Path({str(tmp_path)!r}), whole_life()); sys.exit('tensorflow' in sys.modules)"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""Map a study's record to TensorBoard's events: the same bytes for the same record."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

from search.space.parameters import Choice, Parameter, Scalar
from search.space.space import from_description
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Completed, Failed, Outcome

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

# An event that is made when it is to be written: long curves are walked over at every epoch.
Part: TypeAlias = "Callable[[], Event]"

SCORE, EPOCHS, SECONDS = "score", "epochs", "seconds"


def packed(parts: Sequence[Part]) -> bytes:
    """Return events as the bytes of a file."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    file = BytesIO()
    writer = RecordWriter(file)
    for part in parts:
        writer.write(part().SerializeToString(deterministic=True))
    return file.getvalue()


def study_parts(study: StudyRecord) -> list[Part]:
    """What the trials have in common: their parameters and by which metrics they are compared."""
    time = study.header.created_ms / 1000
    return [partial(_version, time), partial(_experiment, study, time)]


def trial_parts(study: StudyRecord, trial: TrialRecord, state: StudyState) -> list[Part]:
    """A trial's events in the order they came; `state` is the study's.

    Times follow from the record: when the trial was asked for, and the seconds trained since.
    """
    start = study.header.created_ms / 1000 + trial.asked_at
    ends = list(accumulate((report.seconds for report in trial.curve), initial=start))
    parts: list[Part] = [partial(_version, start), partial(_session_start, trial, start)]
    done = 0

    def train(to: int) -> int:
        parts.extend(partial(_epoch, trial, index, ends[index + 1]) for index in range(done, to))
        return max(done, to)

    for place, outcome in enumerate(trial.outcomes, start=1):
        latest = place == trial.ended and not trial.pending
        done = train(len(trial.curve) if latest else min(_reached(outcome), len(trial.curve)))
        parts.append(partial(_outcome, outcome, done, ends[done]))
    done = train(len(trial.curve))
    if trial.state(state) in ("completed", "pruned", "failed"):
        parts.append(partial(_session_end, trial, ends[-1]))
    return parts


def _reached(outcome: Outcome) -> int:
    return outcome.epochs if isinstance(outcome, Completed) else outcome.at_epoch


def _version(time: float) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=time, file_version="brain.Event:2")


def _scalars(values: Mapping[str, float], step: int, time: float) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=n, simple_value=v) for n, v in values.items()])
    return Event(wall_time=time, step=step, summary=summary)


def _epoch(trial: TrialRecord, index: int, time: float) -> "Event":
    report = trial.curve[index]
    return _scalars(report.metrics, report.epoch, time)


def _outcome(outcome: Outcome, epochs: int, time: float) -> "Event":
    values = {EPOCHS: float(epochs), SECONDS: outcome.seconds}
    if not isinstance(outcome, Failed):
        values = {SCORE: outcome.score} | values
    return _scalars(values, epochs, time)


def _session_start(trial: TrialRecord, time: float) -> "Event":
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    info = SessionStartInfo(group_name=trial.trial, start_time_secs=time)
    for name, value in trial.params.items():
        setattr(info.hparams[name], f"{_kind([value])}_value", value)
    data = HParamsPluginData(session_start_info=info)
    return _of_hparams(metadata.SESSION_START_INFO_TAG, data, time)


def _session_end(trial: TrialRecord, time: float) -> "Event":
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    failed = isinstance(trial.outcome, Failed)
    status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
    data = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=time))
    return _of_hparams(metadata.SESSION_END_INFO_TAG, data, time)


def _experiment(study: StudyRecord, time: float) -> "Event":
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    header = study.header
    seen: dict[str, list[Scalar]] = {}
    for trial in list(study.trials.values())[:1]:  # the baseline may lie outside the space
        for name, value in trial.params.items():
            seen.setdefault(name, []).append(value)
    experiment = api_pb2.Experiment(name=header.study, time_created_secs=time)
    for node in from_description(header.space).nodes:
        others = seen.pop(node.name, [])
        experiment.hparam_infos.append(_hparam(node.name, node.parameter, others))
    experiment.hparam_infos.extend(_hparam(name, None, values) for name, values in seen.items())
    for tag in (SCORE, header.objective.metric, EPOCHS, SECONDS):
        experiment.metric_infos.add(name=api_pb2.MetricName(tag=tag))
    return _of_hparams(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment), time)


def _hparam(name: str, parameter: Parameter | None, others: Sequence[Scalar]) -> Any:
    """A parameter with all the values it may have: TensorBoard hides trials with any other."""
    from tensorboard.plugins.hparams import api_pb2

    types = {
        "bool": api_pb2.DATA_TYPE_BOOL,
        "number": api_pb2.DATA_TYPE_FLOAT64,
        "string": api_pb2.DATA_TYPE_STRING,
    }
    info = api_pb2.HParamInfo(name=name)
    if parameter is None or isinstance(parameter, Choice):
        options = [] if parameter is None else parameter.options
        values = list(dict.fromkeys([*options, *others]))
        kind = _kind(values)
        info.type = types[kind]
        if kind != "string" or all(isinstance(value, str) for value in values):
            info.domain_discrete.extend(values)
        return info
    numbers = [float(value) for value in (parameter.low, parameter.high, *others)]
    info.type = types["number"]
    info.domain_interval.min_value, info.domain_interval.max_value = min(numbers), max(numbers)
    return info


def _kind(values: Sequence[Scalar]) -> str:
    """The kind of value that holds them all, in the words of protobuf's `Value`."""
    if all(isinstance(value, bool) for value in values):
        return "bool"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    return "string"


def _of_hparams(tag: str, data: "HParamsPluginData", time: float) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import metadata

    content = data.SerializeToString(deterministic=True)
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content)
    about = SummaryMetadata(plugin_data=plugin)
    value = Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)
    return Event(wall_time=time, summary=Summary(value=[value]))

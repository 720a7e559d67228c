"""Short texts about the progress of a study, one line each."""

import re
from collections.abc import Iterable, Mapping, Sequence

from search.space.parameters import Params, Scalar
from search.study.progress import Plan, leader, trials_done
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import Completed, Failed, Outcome, Proposal

_REPEATED = re.compile(r"(.+)_\d+")
_SHORT_WORD = 8
_BLOCKS, _MARKS = "▁▂▃▄▅▆▇█", "_.-=+*#"  # low to high; the second where letters must be ASCII


def time_text(seconds: float | None) -> str:
    """Return seconds as h:mm:ss or m:ss; "?" for None.

    >>> time_text(75.2), time_text(3675), time_text(None)
    ('1:15', '1:01:15', '?')
    """
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate_text(epochs_per_second: float | None) -> str:
    """Return the speed of a study in epochs per second or per minute; "" if it is unknown.

    >>> rate_text(12.34), rate_text(0.5), rate_text(0.05), rate_text(None)
    ('12 epochs/s', '0.50 epochs/s', '3.0 epochs/min', '')
    """
    if epochs_per_second is None:
        return ""
    if epochs_per_second < 0.1:
        return f"{60 * epochs_per_second:.1f} epochs/min"
    return f"{epochs_per_second:.{2 if epochs_per_second < 10 else 0}f} epochs/s"


def spark_text(values: Sequence[float], width: int, encoding: str | None) -> str:
    """Return a curve as a sparkline of block characters, scaled from its minimum to its maximum.

    ASCII characters are used if the encoding has no blocks. A curve of more than `width` values is
    divided into equal parts, and the last value of each part is shown.

    >>> spark_text([0.1, 0.5, 0.9, 0.7], 8, "utf-8"), spark_text([0.1, 0.5, 0.9, 0.7], 2, "ascii")
    ('▁▅█▆', '_#')
    >>> spark_text([], 8, None), spark_text([0.5, 0.5], 8, None)
    ('', '▄▄')
    """
    marks = _BLOCKS if encodable(_BLOCKS, encoding) == _BLOCKS else _MARKS
    count = min(len(values), width)
    shown = [values[(place + 1) * len(values) // count - 1] for place in range(count)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 0.0)
    if low == high:
        return marks[(len(marks) - 1) // 2] * count
    return "".join(marks[int((v - low) / (high - low) * (len(marks) - 1) + 0.5)] for v in shown)


def of_text(done: int, planned: int | None) -> str:
    """Return the count and the planned number, if that is known.

    >>> of_text(3, 20), of_text(3, None)
    ('3/20', '3')
    """
    return str(done) if planned is None else f"{done}/{planned}"


def score_text(score: float | None) -> str:
    """Return a score with few digits; "-" for None.

    >>> score_text(0.88125), score_text(1234.5678), score_text(None)
    ('0.8812', '1235', '-')
    """
    if score is None:
        return "-"
    return f"{score:.4g}" if abs(score) >= 10 or 0 < abs(score) < 1e-3 else f"{score:.4f}"


def labels_text(labels: Mapping[str, str | int]) -> str:
    """Return the position of a proposal in its algorithm.

    >>> labels_text({"bracket": 2, "rung": 0}), labels_text({"role": "baseline"})
    ('bracket 2 rung 0', 'baseline')
    """
    return " ".join(
        str(value) if name == "role" else f"{name} {value}" for name, value in labels.items()
    )


def title(study: StudyRecord) -> str:
    """Return the name, problem, backend and seed of a study."""
    header = study.header
    names = f"problem {header.problem}, backend {header.backend}, seed {header.seed}"
    return f"study {header.study}: {names}"


def meaning_text(study: StudyRecord, plan: Plan) -> str:
    """Return the objective, and the meaning of epochs in this study."""
    objective = study.objective
    return f"{objective.metric} ({objective.direction}), epochs: {plan.epochs_meaning}"


def done_text(study: StudyRecord, plan: Plan) -> str:
    """Return the number of finished trials and trained epochs, and the planned numbers."""
    trials = of_text(trials_done(study), plan.trials)
    return f"trials {trials}, epochs {of_text(study.epochs_trained, plan.epochs)}"


def value_text(value: object, digits: int = 3) -> str:
    """Return the value of a parameter, or another number, with few digits.

    >>> value_text(0.0123456), value_text(0.0123456, 4), value_text(300)
    ('0.0123', '0.01235', '300')
    """
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def clipped(text: str, most: int, mark: str = "…") -> str:
    """Shorten a text to at most `most` characters.

    >>> clipped("BatchNormalization", 12), clipped("Dense", 12)
    ('BatchNormal…', 'Dense')
    """
    return text if len(text) <= most else text[: most - len(mark)] + mark


def params_text(params: Params) -> str:
    """Return all parameters of a configuration in one line."""
    return " ".join(f"{name}={value_text(value)}" for name, value in params.items())


def brief_params_text(params: Params, constant: Iterable[str] = ()) -> str:
    """Return a configuration in few characters, without the parameters in `constant`.

    Numbered parameters are joined to one item. Texts are shown without the parameter's name, and
    names of several words as initials. The shapes "free" and "same" are left out, because the
    values show them. Long texts are at the end, where a narrow terminal cuts the line.

    >>> brief_params_text({"layers": 2, "neurons_shape": "free", "neurons_1": 300,
    ...     "neurons_2": 100, "initializer": "glorot_uniform", "learning_rate": 0.0123456})
    'layers=2 neurons=300/100 lr=0.0123 glorot_uniform'
    """
    left_out = set(constant)
    grouped: dict[str, list[Scalar]] = {}
    for name, value in params.items():
        plain_shape = name.endswith("_shape") and value in ("free", "same")
        if name not in left_out and not plain_shape:
            repeated = _REPEATED.fullmatch(name)
            grouped.setdefault(repeated[1] if repeated else name, []).append(value)
    words = [
        "/".join(map(value_text, values))
        if isinstance(values[0], str)
        else f"{_short(name)}={'/'.join(map(value_text, values))}"
        for name, values in grouped.items()
    ]
    return " ".join(sorted(words, key=lambda word: "=" not in word and len(word) > _SHORT_WORD))


def outcome_text(outcome: Outcome, metric: str) -> str:
    """Return the outcome of a proposal, in one line even if its message has several."""
    if isinstance(outcome, Failed):
        return f"failed after {_epochs(outcome.at_epoch)}: {failure_text(outcome)}"
    reached = f"{metric} {score_text(outcome.score)} at epoch {outcome.best_epoch}"
    if isinstance(outcome, Completed):
        how = "stopped early" if outcome.stopped_early else "completed"
        return f"{how} after {_epochs(outcome.epochs)}: {reached}"
    return f"pruned after {_epochs(outcome.at_epoch)}: {reached}"


def failure_text(failed: Failed) -> str:
    """Return the kind and the message of a failure in one line."""
    return " ".join(f"{failed.kind}: {failed.message}".split())


def best_text(study: StudyRecord, best: TrialRecord | None) -> str:
    """Return the winner so far, and the trial with a better score if there is one.

    `best`: the result of `study.best()`. Under Hyperband, a trial that has not completed its full
    budget yet can have a better score, but only completed trials can win.
    """
    if best is None:
        return "best: none yet"
    metric = study.objective.metric
    text = f"best: {best.name}, {metric} {score_text(best.score)} at epoch {best.best_epoch}"
    ahead = leader(study, best)
    if ahead is None or ahead is best:
        return text
    after = _epochs(len(ahead.curve))
    return f"{text} (ahead after {after}: {ahead.name}, {score_text(ahead.score)})"


def verified_text(verified: bool | None, reason: str, metric: str) -> str:
    """Return whether the exported model has the recorded scores; "" if that is not recorded.

    >>> verified_text(True, "", "val_loss")
    'verified: loaded from its file in a new process, the model has the recorded val_loss'
    >>> verified_text(False, "evaluation is random", "val_loss")
    'NOT VERIFIED: evaluation is random'
    """
    if verified:
        shown = f"has the recorded {metric}" if not reason else f"is as recorded ({reason})"
        return f"verified: loaded from its file in a new process, the model {shown}"
    if verified is False:
        return f"NOT VERIFIED: {reason}"
    return f"model not checked: {reason}" if reason else ""


def stopped_text(study: StudyRecord) -> str:
    """Return the reason why the study stopped."""
    reasons = {
        "exhausted": "finished",
        "time": "finished, the time is up",
        "interrupted": "interrupted",
        "failed": "failed, as every trial did",
    }
    return reasons.get(study.stopped or "", "stopped by an error")


def epochs_text(trial: TrialRecord, proposal: Proposal) -> str:
    """Return the epochs that are left to train for a proposal, without those already recorded.

    >>> from search.study.trial import Budget
    >>> epochs_text(TrialRecord("1"), Proposal("1", {}, Budget(0, 3)))
    'epochs 1-3'
    """
    stop = proposal.budget.stop
    first = max(proposal.budget.start, len(trial.curve)) + 1
    return f"epochs {first}-{stop}" if first < stop else f"epoch {stop}"


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _short(name: str) -> str:
    words = name.split("_")
    return name if len(words) == 1 else "".join(word[0] for word in words if word)


def encodable(text: str, encoding: str | None) -> str:
    """Return the text with characters that the encoding lacks replaced; None means UTF-8.

    >>> encodable("caf\u00e9", "ascii")
    'caf?'
    """
    encoding = encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)

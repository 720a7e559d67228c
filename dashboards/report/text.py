"""The answer of a study, what to think of it, and how to repeat it, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboards.analysis.summary import Answer
from dashboards.tables.tables import Tables
from search.study.progress_text import score_text, time_text, verified_text
from search.study.trial import BASELINE_TRIAL


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the few large numbers: what it is, the number, a sentence or two on it."""

    what: str
    number: str
    note: str = ""


def tiles(tables: Tables, found: Answer) -> Iterator[Tile]:
    """Score, gain, test result, size and speed."""
    metric, objective = tables.objective.metric, tables.objective
    more = "" if found.noise.value is None else f" ± {found.noise.value:.2g}"
    way = "higher is better" if objective.direction == "max" else "lower is better"
    yield Tile(metric, f"{score_text(found.score)}{more}", way)
    if found.gain is not None:
        baseline = score_text(tables.record.trials[BASELINE_TRIAL].score)
        note = f"the baseline reached {baseline}"
        if found.noise.value is not None and abs(found.gain) < found.noise.value:
            note += "; the difference is within the noise"
        yield Tile("gain over the baseline", f"{found.gain:+.4f}", note)
    elif tables.baseline is not None:
        yield Tile("gain over the baseline", "none", "the best trial is the baseline")
    yield _test(tables, found)
    if found.parameter_count is not None:
        yield Tile("size of the model", f"{found.parameter_count:,}", "weights, trained or not")
    speed = found.seconds_per_epoch
    yield Tile(
        "time per epoch",
        f"{speed:.3g} s",
        f"the median of {counted(found.epochs, 'epoch')}; the best was epoch {found.best_epoch}",
    )


def _noise_text(tables: Tables, found: Answer) -> str:
    metric = tables.objective.metric
    if found.noise.source == "folds":
        cv = tables.record.header.config.get("cv")
        return f"± is the noise: the standard deviation of {metric} over the {cv} folds."
    if found.noise.source == "epochs":
        return (
            f"± is the noise as far as the record tells it: how much {metric} jumps from epoch to "
            "epoch, around the best epochs of the best trials. Another seed or other validation "
            "data may move the score further; cross-validation (--cv 5) measures that."
        )
    return (
        "How far chance moves the score is not known: the trials have too few epochs for an "
        "estimate. Cross-validation (--cv 5) measures it."
    )


def _test(tables: Tables, found: Answer) -> Tile:
    if not found.test:
        winner_evaluation = tables.record.winner_evaluation is not None
        if winner_evaluation:
            note = "the problem has none"
        elif tables.state == "running":
            note = "the winner meets them when the study ends"
        else:
            note = "the winner has not met them: the study did not come to its end"
        return Tile("on test data", "none" if winner_evaluation else "not yet", note)
    main = tables.objective.metric.removeprefix("val_")
    name = main if main in found.test else next(iter(found.test))
    others = [f"{k} {score_text(v)}" for k, v in found.test.items() if k != name]
    before = tables.record.earlier_winner_evaluations
    met = f"met by {before} winners before this one" if before else "met once, by the winner"
    if found.verified is False:
        met = "does not apply: the exported model does not give the recorded scores"
    return Tile(f"{name} on test data", score_text(found.test[name]), "; ".join([met, *others]))


def remarks(tables: Tables, found: Answer) -> Iterator[str]:
    """What a careful reader asks of the answer."""
    yield _noise_text(tables, found)
    if found.runner_up is not None and found.lead is not None:
        behind = f"Trial {found.runner_up} comes next, {abs(found.lead):.4f} behind"
        noise = found.noise.value
        if noise is None:
            yield f"{behind}."
        elif found.lead < noise:
            yield f"{behind}: less than the noise, so the two cannot be told apart."
        else:
            yield f"{behind}: more than the noise."
    verified = verified_text(found.verified, found.reason, tables.objective.metric)
    if verified and found.verified is not False:
        yield f"{verified[0].upper()}{verified[1:]}."
    if found.test and found.verified is not False:
        yield (
            "The score chose the winner among many, and so flatters it a little. The test result "
            "does not: no choice was made by it."
        )


def warning(found: Answer) -> str:
    """What must be read before the answer is used; "" for nothing."""
    if found.verified is not False:
        return ""
    return (
        "Not verified: the exported model does not give the recorded scores. "
        f"{_sentence(found.reason)} The test result and the export do not apply to the score."
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def facts(tables: Tables) -> Iterator[tuple[str, str]]:
    """What somebody needs who repeats the study, or doubts it."""
    header, limit = tables.record.header, tables.record.limit
    begun = datetime.fromtimestamp(header.created_ms / 1000, UTC)
    yield "study", header.study
    yield "begun", f"{begun:%Y-%m-%d %H:%M:%S} UTC"
    yield "seed", str(header.seed)
    yield "objective", f"{header.objective.metric}, {header.objective.direction}"
    yield "counted epoch", f"the {header.objective.score_at} one"
    workers = header.versions.get("workers")
    exact = "repeats exactly" if workers == "1" else "other trials may follow when it is repeated"
    if workers is not None:
        yield "workers", f"{workers} ({exact})"
    if limit.trials is not None:
        yield "trials at most", str(limit.trials)
    if limit.seconds is not None:
        yield "active time at most", time_text(limit.seconds)
    for name, value in header.config.items():
        if value not in (None, []) and name not in ("problem", "backend", "seed"):
            text = " ".join(value) if isinstance(value, list) else str(value)
            yield name.replace("_", " "), text
    for name, version in header.versions.items():
        if name != "workers":
            yield name, version
    for name, digest in header.digests.items():
        yield f"digest of the {name}", digest


def counted(number: int, word: str) -> str:
    """A number of things.

    >>> counted(1, "epoch"), counted(2000, "trial")
    ('1 epoch', '2,000 trials')
    """
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"

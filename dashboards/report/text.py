"""Sentences of the report: the result of a study, its reliability, and how to reproduce it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboards.analysis.summary import Answer
from dashboards.tables.tables import Tables
from search.study.progress_text import score_text, time_text, verified_text
from search.study.trial import BASELINE_TRIAL


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the large numbers of the report: a label, the number, and a short note."""

    what: str
    number: str
    note: str = ""


def tiles(tables: Tables, found: Answer) -> Iterator[Tile]:
    """Yield the tiles: score, gain, test result, size and speed."""
    metric, objective = tables.objective.metric, tables.objective
    more = "" if found.noise.value is None else f" ± {found.noise.value:.2g}"
    direction = "higher is better" if objective.direction == "max" else "lower is better"
    yield Tile(metric, f"{score_text(found.score)}{more}", direction)
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
        yield Tile(
            "size of the model",
            f"{found.parameter_count:,}",
            "weights, trainable and non-trainable",
        )
    speed = found.seconds_per_epoch
    yield Tile(
        "time per epoch",
        f"{speed:.3g} s",
        f"median of {counted(found.epochs, 'epoch')}; the best was epoch {found.best_epoch}",
    )


def _noise_text(tables: Tables, found: Answer) -> str:
    metric = tables.objective.metric
    if found.noise.source == "folds":
        cv = tables.record.header.config.get("cv")
        return f"± is the noise: the standard deviation of {metric} over {cv} folds."
    if found.noise.source == "epochs":
        return (
            f"± is an estimate of the noise: the variation of {metric} from epoch to epoch, around "
            "the best epochs of the best trials. Another seed or other validation data may change "
            "the score more; measure this with cross-validation (--cv 5)."
        )
    return (
        "The noise of the score is unknown: the trials have too few epochs for an estimate. "
        "Measure it with cross-validation (--cv 5)."
    )


def _test(tables: Tables, found: Answer) -> Tile:
    if not found.test:
        winner_evaluation = tables.record.winner_evaluation is not None
        if winner_evaluation:
            note = "the problem has no test set"
        elif tables.state == "running":
            note = "the winner is evaluated when the study ends"
        else:
            note = "the winner is not evaluated yet: the study is not finished"
        return Tile("on the test set", "none" if winner_evaluation else "not yet", note)
    main = tables.objective.metric.removeprefix("val_")
    name = main if main in found.test else next(iter(found.test))
    others = [f"{k} {score_text(v)}" for k, v in found.test.items() if k != name]
    before = tables.record.earlier_winner_evaluations
    note = f"also evaluated for {counted(before, 'earlier winner')}" if before else "evaluated once"
    if found.verified is False:
        note = "does not apply: the exported model does not give the recorded scores"
    score = score_text(found.test[name])
    return Tile(f"{name} on the test set", score, "; ".join([note, *others]))


def remarks(tables: Tables, found: Answer) -> Iterator[str]:
    """Yield remarks on the reliability of the result."""
    yield _noise_text(tables, found)
    if found.runner_up is not None and found.lead is not None:
        behind = f"Trial {found.runner_up} is second, {abs(found.lead):.4f} behind"
        noise = found.noise.value
        if noise is None:
            yield f"{behind}."
        elif found.lead < noise:
            yield f"{behind}. The difference is within the noise: either may be better."
        else:
            yield f"{behind}. The difference is larger than the noise."
    verified = verified_text(found.verified, found.reason, tables.objective.metric)
    if verified and found.verified is not False:
        yield f"{verified[0].upper()}{verified[1:]}."
    if found.test and found.verified is not False:
        yield (
            "The score selected the winner among many trials, and is therefore slightly "
            "optimistic. The test result is unbiased: it selected nothing."
        )


def warning(found: Answer) -> str:
    """Return the warning of an unverified model, or ""."""
    if found.verified is not False:
        return ""
    return (
        "Not verified: the exported model does not give the recorded scores. "
        f"{_sentence(found.reason)} The test result and the export do not apply to the score."
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def facts(tables: Tables) -> Iterator[tuple[str, str]]:
    """Yield facts that are needed to reproduce the study, as pairs of a name and a value."""
    header, limit = tables.record.header, tables.record.limit
    started = datetime.fromtimestamp(header.created_ms / 1000, UTC)
    yield "study", header.study
    yield "started", f"{started:%Y-%m-%d %H:%M:%S} UTC"
    yield "seed", str(header.seed)
    yield "objective", f"{header.objective.metric}, {header.objective.direction}"
    yield "scored epoch", header.objective.score_at
    workers = header.versions.get("workers")
    exact = "exactly reproducible" if workers == "1" else "another run may propose other trials"
    if workers is not None:
        yield "workers", f"{workers} ({exact})"
    if limit.trials is not None:
        yield "limit of trials", str(limit.trials)
    if limit.seconds is not None:
        yield "limit of active time", time_text(limit.seconds)
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
    """Return a number with a noun in the singular or plural.

    >>> counted(1, "epoch"), counted(2000, "trial")
    ('1 epoch', '2,000 trials')
    """
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"

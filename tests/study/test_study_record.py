"""The record: what it keeps up to date event by event is what it would come to if computed anew."""

import random
from dataclasses import fields, replace

import pytest

from search.errors import JournalError
from search.problem.objective import Objective
from search.study.architecture import Layer, Network
from search.study.events import Asked, Entry, EpochRecorded, Told
from search.study.learning_curve import Curve
from search.study.study_record import StudyRecord, fold
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Failed,
    Outcome,
    Proposal,
    Pruned,
)
from tests.records import asked as ask
from tests.records import entries, header, whole_life


class Plain:
    """A trial as lists of what happened to it."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposals = [proposal]
        self.outcomes: list[Outcome] = []
        self.curve: list[EpochReport] = []

    @property
    def pending(self) -> bool:
        return len(self.outcomes) < len(self.proposals)

    @property
    def score(self) -> float | None:
        scores = [o.score for o in self.outcomes if isinstance(o, Completed | Pruned)]
        return scores[-1] if scores else None

    @property
    def best_epoch(self) -> int | None:
        epochs = [o.best_epoch for o in self.outcomes if isinstance(o, Completed | Pruned)]
        return epochs[-1] if epochs else None

    @property
    def completed(self) -> bool:
        last = self.outcomes[-1] if self.outcomes else None
        full = isinstance(last, Completed) and not self.proposals[-1].may_continue
        return full and not self.pending

    @property
    def settled(self) -> int:
        budget = self.proposals[-1].budget
        return max(budget.start, len(self.curve)) if self.pending else budget.stop


def best(trials: dict[str, Plain], objective: Objective, *, any_budget: bool) -> str | None:
    scored = [name for name, trial in trials.items() if trial.score is not None]
    full = [] if any_budget else [name for name in scored if trials[name].completed]
    return min(
        full or scored, key=lambda name: objective.sort_key(trials[name].score), default=None
    )


def outcome(rng: random.Random, trial: Plain) -> Outcome:
    score, epochs = rng.randrange(4) / 4, len(trial.curve)
    if not epochs or rng.random() < 0.2:
        return Failed("ValueError", f"no {epochs}", "trace", epochs, 1.5)
    if rng.random() < 0.2:
        return Pruned(score, rng.randint(1, epochs), epochs, 2.5, 2**40)
    return Completed(score, rng.randint(1, epochs), epochs, 2.5, 10, rng.random() < 0.5)


def play(rng: random.Random, trials: dict[str, Plain]) -> Asked | EpochRecorded | Told:
    """The next event of a made-up study, also taken note of in `trials`."""
    pending = [trial for trial in trials.values() if trial.pending]
    ended = [trial for trial in trials.values() if not trial.pending]
    draw = rng.random()
    if pending and draw < 0.4:
        trial = rng.choice(pending)
        metrics = {"loss": rng.random(), "val_accuracy": rng.random()}
        if rng.random() < 0.1:
            metrics["extra"] = rng.random()
        name, epoch = trial.proposals[-1].trial, len(trial.curve) + 1
        report = EpochReport(name, epoch, metrics, rng.random())
        trial.curve.append(report)
        return EpochRecorded(report, rng.choice(list(Decision)))
    if pending and draw < 0.7:
        trial = rng.choice(pending)
        trial.outcomes.append(outcome(rng, trial))
        return Told(trial.proposals[-1].trial, trial.outcomes[-1])
    if ended and draw < 0.8:
        trial = rng.choice(ended)
        before = trial.proposals[-1]
        budget = Budget(before.budget.stop, before.budget.stop + 3)
        proposal = replace(before, budget=budget, labels={"rung": 1}, may_continue=False)
        trial.proposals.append(proposal)
        return Asked(proposal)
    params = {"layers": rng.randint(1, 3), "optimizer": rng.choice(("sgd", "adam")), "rate": 0.1}
    name = str(len(trials))
    proposal = Proposal(name, params, Budget(0, 3), {"rung": 0}, rng.random() < 0.5)
    trials[name] = Plain(proposal)
    return Asked(proposal)


def assert_same(record: StudyRecord, trials: dict[str, Plain]) -> None:
    def named(trial) -> str | None:
        return None if trial is None else trial.trial

    assert list(record.trials) == list(trials)
    assert named(record.best()) == best(trials, record.objective, any_budget=False)
    assert named(record.ahead()) == best(trials, record.objective, any_budget=True)
    assert record.epochs_trained == sum(len(trial.curve) for trial in trials.values())
    assert record.settled_epochs == sum(trial.settled for trial in trials.values())
    assert list(map(named, record.pending)) == [n for n, t in trials.items() if t.pending]
    for name, trial in trials.items():
        kept = record.trials[name]
        assert kept.proposals == trial.proposals
        assert kept.proposal == trial.proposals[-1]
        assert kept.outcomes == trial.outcomes
        assert kept.outcome == (trial.outcomes[-1] if trial.outcomes else None)
        assert kept.curve == trial.curve
        assert list(kept.curve) == trial.curve
        assert (kept.score, kept.best_epoch) == (trial.score, trial.best_epoch)
        assert (kept.pending, kept.completed) == (trial.pending, trial.completed)
        assert kept.seconds == pytest.approx(sum(report.seconds for report in trial.curve))


@pytest.mark.parametrize("direction", ["max", "min"])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_kept_up_to_date_equals_its_definition(direction, seed):
    rng = random.Random(seed)
    first = header()
    event = replace(first.event, objective=Objective("val_accuracy", direction))
    record, trials = fold([Entry(0.0, event)]), {}
    for step in range(150):
        record.apply(Entry(float(step), play(rng, trials)))
        assert_same(record, trials)
        assert record.entries == step + 2


NETWORK = Network((Layer("InputLayer", (4,)), Layer("Dense", (3,), 15, "relu", (0,))))
SET = {float: 0.625, int: 7, bool: True, str: "words", Network | None: NETWORK}


@pytest.mark.parametrize("kind", [Completed, Pruned, Failed])
def test_no_field_of_an_outcome_or_a_proposal_is_left_out_of_what_is_packed(kind):
    outcome = kind(**{field.name: SET[field.type] for field in fields(kind)})
    proposal = Proposal("1", {"a": 1}, Budget(2, 5), {"rung": 1}, may_continue=True)
    assert all(getattr(proposal, field.name) not in ({}, False) for field in fields(Proposal))
    record = fold(entries([Asked(proposal), Told("1", outcome)]))
    assert record.trials["1"].outcomes == [outcome]
    assert record.trials["1"].proposals == [proposal]


def test_outcomes_are_told_in_their_order():
    record = fold(whole_life())
    assert [trial.trial for trial in record.told] == ["0", "2", "1", "3", "4", "2"]


def test_a_promotion_with_other_params_is_refused():
    journal = entries([ask("1", 0, 1), Told("1", Failed("nan", "", "", 0))])
    with pytest.raises(JournalError, match="trial 1: a promotion must have the params"):
        fold([*journal, Entry(9.0, ask("1", 1, 3, params={"layers": 9}))])


def test_an_outcome_without_a_proposal_is_refused():
    failed = Told("1", Failed("nan", "", "", 0))
    with pytest.raises(JournalError, match="trial 1: an outcome must answer a proposal"):
        fold(entries([ask("1", 0, 1), failed, failed]))


def test_an_epoch_may_lack_a_metric_that_others_have():
    curve = Curve("1", ("loss",))
    reports = [
        EpochReport("1", 1, {"accuracy": 0.5}, 1.0),
        EpochReport("1", 2, {"accuracy": 0.6, "loss": 1.0}, 2.0),
        EpochReport("1", 3, {"loss": 0.9}, 3.0),
    ]
    for report in reports:
        curve.append(report)
    assert list(curve) == reports
    assert curve[1:] == reports[1:]
    assert curve[-1] == reports[-1]
    with pytest.raises(KeyError):
        curve.values("loss")
    with pytest.raises(IndexError):
        curve[3]


def test_trials_of_equal_shape_share_what_they_have_in_common():
    record = fold(entries([ask(str(n), 0, 3, rung=1) for n in range(1, 4)]))
    first, *others = record.trials.values()
    assert all(trial._names is first._names for trial in others)
    assert all(trial._asked is first._asked for trial in others)

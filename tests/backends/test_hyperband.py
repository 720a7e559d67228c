import dataclasses

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import Int, Objective, Space
from search.backends import hyperband
from search.backends._brackets import Bracket, sweep
from search.backends.base import BackendSettings, Known
from search.errors import UsageError
from search.study.trial import Completed, Exhausted, Proposal, Wait
from tests.backends.contract import (
    OBJECTIVE,
    SETTINGS,
    SPACE,
    TINY,
    BackendContract,
    Driver,
    curve,
    distinct,
)

NATURAL = [(9, 3, 1), (5, 2), (3,)]


class TestHyperband(BackendContract):
    backend = "hyperband"
    limit_shapes_sizes = True


def made(
    space: Space = SPACE,
    settings: BackendSettings = SETTINGS,
    objective: Objective = OBJECTIVE,
    known: tuple[Known, ...] = (),
) -> Driver:
    return Driver(hyperband.create(space, objective, settings, 0, known))


def rungs(proposals: list[Proposal]) -> dict[tuple[int, int], int]:
    """How many proposals there were by bracket and rung."""
    counts: dict[tuple[int, int], int] = {}
    for proposal in proposals:
        place = (int(proposal.labels["bracket"]), int(proposal.labels["rung"]))
        counts[place] = counts.get(place, 0) + 1
    return counts


def sizes(*args: int, **more: int) -> list[tuple[int, ...]]:
    return [bracket.sizes for bracket in sweep(*args, **more)]


def test_a_sweep_is_the_papers() -> None:
    driver = made().limit(17)
    proposals = driver.run()
    assert rungs(proposals) == {
        (2, 0): 9, (2, 1): 3, (2, 2): 1, (1, 0): 5, (1, 1): 2, (0, 0): 3,
    }  # fmt: skip
    assert sum(p.budget.stop - p.budget.start for p in proposals) == 75
    assert hyperband.default_trials(SPACE, SETTINGS) == 17


@pytest.mark.parametrize(("max_epochs", "factor"), [(9, 3), (81, 3), (16, 2), (64, 4), (243, 3)])
def test_a_sweep_is_kerastuners_where_max_epochs_is_a_power_of_the_factor(
    max_epochs: int, factor: int
) -> None:
    oracle = keras_tuner.oracles.HyperbandOracle(
        keras_tuner.Objective("score", "max"), max_epochs=max_epochs, factor=factor, seed=1
    )
    theirs = [
        Bracket(
            s,
            tuple(oracle._get_size(s, rung) for rung in range(s + 1)),
            tuple(oracle._get_epochs(s, rung) for rung in range(s + 1)),
        )
        for s in reversed(range(oracle._get_num_brackets()))
    ]
    assert list(sweep(max_epochs, factor)) == theirs


def test_the_last_rung_trains_max_epochs_where_they_are_no_power_of_the_factor() -> None:
    assert [bracket.epochs for bracket in sweep(10, 3)] == [(2, 4, 10), (4, 10), (10,)]
    assert sizes(10, 3) == NATURAL
    assert sizes(2, 3) == [(1,)]
    assert hyperband.default_trials(SPACE, BackendSettings(max_epochs=2)) == 3


@pytest.mark.parametrize(
    ("configurations", "expected"),
    [
        (1, [(1, 1, 1)]),
        (2, [(2, 1, 1)]),
        (3, [(3, 1, 1)]),
        (5, [(4, 2, 1), (1,)]),
        (6, [(5, 2, 1), (1,)]),
        (10, [(5, 2, 1), (3, 1), (2,)]),
        (16, [(8, 3, 1), (5, 2), (3,)]),
        (17, NATURAL),
    ],
)
def test_a_sweep_is_resized_in_proportion(
    configurations: int, expected: list[tuple[int, ...]]
) -> None:
    assert sizes(9, 3, configurations=configurations) == expected


@given(st.integers(1, 100), st.integers(2, 5), st.data())
def test_a_resized_sweep_holds_what_it_was_given(
    max_epochs: int, factor: int, data: st.DataObject
) -> None:
    natural = sum(rungs[0] for rungs in sizes(max_epochs, factor))
    configurations = data.draw(st.integers(1, natural))
    brackets = sweep(max_epochs, factor, configurations)
    assert sum(bracket.sizes[0] for bracket in brackets) == configurations
    for bracket in brackets:
        assert bracket.epochs[-1] == max_epochs
        assert list(bracket.epochs) == sorted(set(bracket.epochs))
        assert list(bracket.sizes) == sorted(bracket.sizes, reverse=True)
        assert bracket.sizes[-1] >= 1
    for bracket in brackets[1:]:
        assert bracket.number == 0 or bracket.sizes[0] >= factor


def test_a_limit_above_one_sweep_is_whole_sweeps_and_a_resized_one() -> None:
    driver = made().limit(17 + 17 + 6)
    counts = rungs(driver.run())
    assert counts[(2, 0)] == 9 + 9 + 5
    assert counts[(1, 0)] == 5 + 5
    assert counts[(0, 0)] == 3 + 3 + 1


def test_a_promotion_is_the_best_of_its_rung() -> None:
    proposals = made().limit(17).run()
    first = [p for p in proposals if p.labels == {"bracket": 2, "rung": 0}]
    second = [p.trial for p in proposals if p.labels == {"bracket": 2, "rung": 1}]
    ranked = sorted(first, key=lambda p: -curve(p.params, p.budget.stop)[-1])
    assert second == [p.trial for p in ranked[:3]]


def test_a_score_to_be_made_small_is_made_small() -> None:
    backend = hyperband.create(SPACE, Objective("val_loss", "min"), SETTINGS, 0)
    backend.limit(17)
    scores: dict[str, float] = {}
    for _ in range(9):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        scores[proposal.trial] = float(len(scores) * 7 % 9)
        backend.tell(proposal.trial, Completed(scores[proposal.trial], 1, 1, 0.1, 10))
    promoted = backend.ask()
    assert isinstance(promoted, Proposal)
    assert promoted.budget.start == 1
    assert scores[promoted.trial] == 0.0


def test_a_promotion_says_its_own_bracket_also_where_brackets_overlap() -> None:
    driver = made()
    driver.pending = 12
    bracket_of: dict[str, object] = {}
    for proposal in driver.limit(17).run():
        assert (
            bracket_of.setdefault(proposal.trial, proposal.labels["bracket"])
            == (proposal.labels["bracket"])
        )
        last_rung = proposal.labels["rung"] == proposal.labels["bracket"]
        assert proposal.may_continue != last_rung


def test_a_failed_trial_is_never_promoted() -> None:
    failed = {"1", "4", "5", "7", "8"}
    driver = made()
    driver.fails = lambda proposal: proposal.trial in failed
    promoted = {p.trial for p in driver.limit(17).run() if p.budget.start}
    assert promoted
    assert not promoted & failed


@pytest.mark.parametrize("pending", [1, 4])
def test_where_a_whole_rung_failed_its_promotions_are_not_trained(pending: int) -> None:
    driver = made()
    driver.pending = pending
    driver.fails = lambda proposal: proposal.labels["bracket"] == 2
    counts = rungs(driver.limit(17).run())
    assert counts == {(2, 0): 9, (1, 0): 5, (1, 1): 2, (0, 0): 3}


def test_nan_counts_as_failed() -> None:
    backend = hyperband.create(SPACE, OBJECTIVE, SETTINGS, 0)
    backend.limit(17)
    for _ in range(9):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        backend.tell(proposal.trial, Completed(float("nan"), 1, 1, 0.1, 10))
    after = backend.ask()
    assert isinstance(after, Proposal)
    assert after.labels == {"bracket": 1, "rung": 0}


def test_the_next_sweep_begins_where_this_one_waits() -> None:
    backend = made().limit(34).backend
    answers = [backend.ask() for _ in range(35)]
    assert rungs(answers[:17]) == rungs(answers[17:34])
    assert isinstance(answers[34], Wait)


def test_an_earlier_sweep_goes_before_a_later_one() -> None:
    backend = made().limit(34).backend
    answers = [backend.ask() for _ in range(20)]
    for proposal in answers[:9]:  # the first rung of the first sweep's first bracket
        score = curve(proposal.params, 1)[-1]
        backend.tell(proposal.trial, Completed(score, 1, 1, 0.1, 10))
    promoted = [backend.ask() for _ in range(4)]
    assert [p.budget.start > 0 for p in promoted] == [True, True, True, False]


@pytest.mark.parametrize("trials", [1, 2])
def test_fewer_trials_than_the_factor_are_refused(trials: int) -> None:
    with pytest.raises(
        UsageError, match=r"at least 3 trials.*not .\. Raise --trials, or use --backend rand"
    ):
        made().limit(trials)


def test_a_baseline_counts_as_a_trial_for_that() -> None:
    known = Known(made().limit(3).run()[0].params)
    assert len(distinct(made(known=(known,)).limit(2).run())) == 2


def test_a_factor_below_two_is_refused() -> None:
    with pytest.raises(UsageError, match="factor must be >= 2, not 1"):
        made(settings=dataclasses.replace(SETTINGS, factor=1))


def test_a_sweep_never_holds_more_than_is_left_of_the_space() -> None:
    space = Space(Int("layers", 1, 6))
    counts = rungs(made(space).limit(None).run())
    assert counts == {(2, 0): 5, (2, 1): 2, (2, 2): 1, (0, 0): 1}


def test_a_limit_lowered_within_a_bracket_still_promotes_what_it_has() -> None:
    driver = made().limit(17)
    driver.run(steps=8)
    assert len(driver.proposals) == 4
    counts = rungs(driver.limit(4).run())
    assert counts == {(2, 0): 4, (2, 1): 2, (2, 2): 1}


def test_sweeps_share_no_configuration_on_a_small_space() -> None:
    found = distinct(made(TINY).limit(None).run())
    assert len(set(found)) == len(found) == 18


def test_an_extension_after_the_end_begins_a_new_sweep() -> None:
    driver = made().limit(17)
    driver.run()
    assert isinstance(driver.backend.ask(), Exhausted)
    assert rungs(driver.limit(34).run())[(2, 0)] == 18

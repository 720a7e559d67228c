"""What every backend has to do, as tests: subclass `BackendContract` and name the backend."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import pytest

from search import Choice, Float, Int, Objective, Space
from search.backends.base import Backend, BackendSettings, Known, module
from search.space.parameters import Params
from search.space.space import key
from search.study.trial import (
    Answer,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Failed,
    Outcome,
    Proposal,
    Pruned,
    Wait,
)

SPACE = Space(
    Int("layers", 1, 3),
    Int("neurons", 8, 64, log=True, levels=3, per="layers", shapes=("free", "same", "funnel")),
    Choice("optimizer", ("sgd", "adam", "nadam")),
    Float("momentum", 0, 0.9, step=0.3, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-4, 1e-1, log=True, levels=4),
    Choice("bias", (True, False)),
)
TINY = Space(Int("layers", 1, 3), Choice("kind", ("a", "b")), Float("rate", 0, 1, step=0.5))
# Each option "on" opens the next choice: the last configurations are drawn once in eight thousand.
RARE = Space(
    Choice("stage_0", ("off", "on")),
    *(
        Choice(f"stage_{index}", ("off", "on"), when={f"stage_{index - 1}": "on"})
        for index in range(1, 14)
    ),
)
OBJECTIVE = Objective("val_accuracy", "max")
SETTINGS = BackendSettings(max_epochs=9)
FAILURE = Failed("ValueError", "no such layer", "Traceback ...", at_epoch=0)


def curve(params: Params, epochs: int) -> list[float]:
    """A synthetic val_accuracy: better for more epochs and for some configurations."""
    quality = sum(
        (index + 1) * (value if isinstance(value, int | float) else len(value))
        for index, (_, value) in enumerate(sorted(params.items()))
    )
    asymptote = 0.5 + 0.4 * ((quality * 0.6180339887) % 1.0)
    return [asymptote * (1 - 0.5**epoch) for epoch in range(1, epochs + 1)]


@dataclasses.dataclass
class Call:
    """One call to a backend and what it answered."""

    method: str
    argument: object
    answer: object


class Driver:
    """Trains in no time: up to `pending` proposals at once, ended in an order that is not theirs.

    `fails(proposal)` says which go wrong. Everything said is kept in `calls`.
    """

    def __init__(
        self,
        backend: Backend,
        pending: int = 1,
        fails: Callable[[Proposal], bool] = lambda proposal: False,
    ) -> None:
        self.backend = backend
        self.pending = pending
        self.fails = fails
        self.calls: list[Call] = []
        self.proposals: list[Proposal] = []
        self.open: list[Proposal] = []
        self.turn = 0

    def limit(self, trials: int | None) -> "Driver":
        self.backend.limit(trials)
        self.calls.append(Call("limit", trials, None))
        return self

    def run(self, steps: int | None = None) -> list[Proposal]:
        """Go on until the backend is exhausted, or for so many steps; all proposals so far."""
        for _ in range(steps) if steps is not None else itertools.count():
            if not self.step():
                break
        return self.proposals

    def step(self) -> bool:
        """One proposal more, or one outcome if there is none to be had; False at the end."""
        if len(self.open) < self.pending:
            answer = self.backend.ask()
            self.calls.append(Call("ask", None, answer))
            if isinstance(answer, Proposal):
                self.proposals.append(answer)
                self.open.append(answer)
                return True
            assert self.open or not isinstance(answer, Wait), "Wait while nothing is pending"
            if isinstance(answer, Exhausted) and not self.open:
                return False
        self.turn += 1
        self.end(self.open.pop(self.turn * 7 % len(self.open)))
        return True

    def end(self, proposal: Proposal) -> None:
        """Report the proposal's epochs and tell what came of it."""
        outcome: Outcome = FAILURE
        if not self.fails(proposal):
            outcome = self.train(proposal)
        self.backend.tell(proposal.trial, outcome)
        self.calls.append(Call("tell", (proposal.trial, outcome), None))

    def train(self, proposal: Proposal) -> Outcome:
        values = curve(proposal.params, proposal.budget.stop)
        for epoch in range(proposal.budget.start + 1, proposal.budget.stop + 1):
            metrics = {OBJECTIVE.metric: values[epoch - 1], "val_loss": 1 - values[epoch - 1]}
            report = EpochReport(proposal.trial, epoch, metrics, seconds=0.1)
            decision = self.backend.report(report)
            self.calls.append(Call("report", report, decision))
            if decision is Decision.STOP:
                return Pruned(values[epoch - 1], epoch, epoch, 0.1, 10)
        return Completed(values[-1], len(values), len(values), 0.1, 10)


def replayed(backend: Backend, calls: Sequence[Call]) -> Backend:
    """The backend after the same calls, each of which must be answered as it was."""
    for call in calls:
        answer: Answer | Decision | None
        match call.method, call.argument:
            case "limit", trials:
                answer = backend.limit(trials)
            case "ask", _:
                answer = backend.ask()
            case "report", report:
                answer = backend.report(report)
            case _, (trial, outcome):
                answer = backend.tell(trial, outcome)
        assert answer == call.answer
    return backend


def distinct(proposals: Sequence[Proposal]) -> list[str]:
    """The trials' configurations, one text each, in the order of first proposal."""
    return [key(params) for params in {p.trial: p.params for p in proposals}.values()]


class BackendContract:
    """The duties of search/backends/base.py. `backend`: the file's name.

    `limit_shapes_sizes`: set where the limit decides what is proposed, as Hyperband may let it.
    `unlimited_steps`: how far a search without limit is followed; fewer for a slow model.
    """

    backend: str
    settings = SETTINGS
    limit_shapes_sizes = False
    unlimited_steps = 120

    def make(self, space: Space = SPACE, seed: int = 0, known: Sequence[Known] = ()) -> Backend:
        return module(self.backend).create(space, OBJECTIVE, self.settings, seed, known)

    @pytest.fixture(scope="class", params=[1, 4], ids=["1 pending", "4 pending"])
    @classmethod
    def driver(cls, request: pytest.FixtureRequest) -> Driver:
        """A run of 20 trials, left under way: to be looked at, not gone on with."""
        driver = Driver(cls().make(), pending=request.param).limit(20)
        driver.run(steps=40)
        return driver

    def test_proposals_lie_in_the_space_with_active_names_only(self, driver: Driver) -> None:
        assert driver.proposals
        for proposal in driver.proposals:
            SPACE.check(proposal.params)
            types = {type(value) for value in proposal.params.values()}
            assert types <= {int, float, str, bool}  # JSON scalars, none of NumPy's

    def test_trials_are_numbered_in_the_order_of_their_first_proposal(self, driver: Driver) -> None:
        names = list(dict.fromkeys(p.trial for p in driver.proposals))
        assert names == [str(number + 1) for number in range(len(names))]

    def test_budgets_follow_on_from_each_other(self, driver: Driver) -> None:
        reached: dict[str, int] = {}
        promised: dict[str, bool] = {}
        for proposal in driver.proposals:
            assert proposal.budget.start == reached.get(proposal.trial, 0)
            assert proposal.budget.stop <= self.settings.max_epochs
            assert promised.get(proposal.trial, True), "went on though it said it would not"
            reached[proposal.trial] = proposal.budget.stop
            promised[proposal.trial] = proposal.may_continue

    def test_a_trial_keeps_its_configuration(self, driver: Driver) -> None:
        assert len({(p.trial, key(p.params)) for p in driver.proposals}) == len(
            {p.trial for p in driver.proposals}
        )

    def test_no_configuration_comes_twice(self, driver: Driver) -> None:
        configurations = distinct(driver.proposals)
        assert len(set(configurations)) == len(configurations)

    def test_the_same_calls_give_the_same_answers_and_futures(self, driver: Driver) -> None:
        futures = []
        for _ in range(2):
            twin = Driver(replayed(self.make(), driver.calls), driver.pending)
            twin.open, twin.turn = list(driver.open), driver.turn
            twin.run()
            futures.append(twin.calls)
        assert futures[0] == futures[1] != []

    def test_another_seed_gives_other_proposals(self) -> None:
        first, second = (distinct(Driver(self.make(seed=seed)).limit(8).run(8)) for seed in (0, 1))
        assert not set(first) & set(second)

    def test_the_limit_is_kept_and_reached(self) -> None:
        for limit in (3, 8, 20):
            driver = Driver(self.make(), pending=2).limit(limit)
            assert len(distinct(driver.run())) == limit
            assert isinstance(driver.backend.ask(), Exhausted)

    def test_a_raised_limit_goes_on(self) -> None:
        driver = Driver(self.make()).limit(5)
        first = list(driver.run())
        extended = driver.limit(10).run()
        assert extended[: len(first)] == first
        assert len(set(distinct(extended))) == 10
        if not self.limit_shapes_sizes:
            assert extended == Driver(self.make()).limit(10).run()

    def test_a_limit_below_what_was_proposed_ends_it(self) -> None:
        driver = Driver(self.make(), pending=3).limit(12)
        driver.run(steps=6)
        begun = len(distinct(driver.proposals))
        assert len(distinct(driver.limit(2).run())) == begun

    def test_no_limit_means_no_end(self) -> None:
        assert len(distinct(Driver(self.make()).limit(None).run(self.unlimited_steps))) >= 30

    @pytest.mark.parametrize("pending", [1, 4])
    def test_failed_trials_neither_end_nor_starve_a_search(self, pending: int) -> None:
        driver = Driver(
            self.make(), pending, fails=lambda p: int(p.trial) % 3 == 0 or p.budget.start == 1
        )
        assert len(distinct(driver.limit(20).run())) == 20

    def test_a_search_goes_on_when_every_trial_fails(self) -> None:
        driver = Driver(self.make(), pending=2, fails=lambda proposal: True).limit(20)
        assert len(distinct(driver.run())) == 20

    def test_known_configurations_are_never_proposed(self) -> None:
        free = Driver(self.make(TINY)).limit(6).run()
        known = [Known(free[0].params), *(Known(p.params, score=0.5) for p in free[1:])]
        rest = distinct(Driver(self.make(TINY, known=known)).limit(8).run())
        assert len(rest) == 8
        assert not set(distinct(free)) & set(rest)

    def test_a_known_configuration_may_be_written_with_whole_numbers(self) -> None:
        space = Space(Float("rate", 0, 3, step=1))
        known = [Known({"rate": 0}), Known({"rate": 3})]
        assert sorted(distinct(Driver(self.make(space, known=known)).limit(None).run())) == [
            key({"rate": 1.0}),
            key({"rate": 2.0}),
        ]

    def test_a_known_configuration_may_lie_outside_the_space(self) -> None:
        known = [Known({"layers": 9, "kind": "a", "rate": 0.5}, score=0.5), Known({"old": 1}, 0.4)]
        assert len(distinct(Driver(self.make(TINY, known=known)).limit(8).run())) == 8

    def test_a_small_space_is_used_up_and_then_exhausted(self) -> None:
        driver = Driver(self.make(TINY), pending=2).limit(None)
        assert len(set(distinct(driver.run()))) == TINY.size == 18
        assert isinstance(driver.backend.ask(), Exhausted)

    def test_a_space_whose_last_configurations_are_rare_is_left_in_the_end(self) -> None:
        driver = Driver(self.make(RARE), pending=2).limit(None)
        found = distinct(driver.run())
        assert RARE.size == 15
        assert 4 <= len(set(found)) == len(found) <= 15
        assert isinstance(driver.backend.ask(), Exhausted)

    def test_a_space_of_one_configuration_is_searched(self) -> None:
        driver = Driver(self.make(Space(Int("layers", 2, 2)))).limit(None)
        assert {key(p.params) for p in driver.run()} == {key({"layers": 2})}

    def test_epochs_are_the_budget_or_a_parameter(self) -> None:
        if module(self.backend).EPOCHS_AS_BUDGET:
            assert {p.budget.stop for p in Driver(self.make()).limit(17).run()} == {1, 3, 9}
        else:
            space = Space(Int("epochs", 2, 7), Int("layers", 1, 9))
            for proposal in Driver(self.make(space)).limit(10).run():
                assert (proposal.budget.start, proposal.budget.stop) == (
                    0,
                    proposal.params["epochs"],
                )

    def test_only_a_backend_that_prunes_says_stop(self, driver: Driver) -> None:
        said = {call.answer for call in driver.calls if call.method == "report"}
        assert Decision.STOP not in said or driver.backend.prunes

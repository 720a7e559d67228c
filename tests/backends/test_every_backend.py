"""A backend without its contract test fails here, and so does one that strays from its past."""

import importlib
import inspect
import json

import pytest
from hypothesis import given, settings

from search import Space
from search.backends import base
from tests.backends import golden
from tests.backends.contract import OBJECTIVE, SETTINGS, BackendContract, Driver
from tests.backends.random_spaces import spaces

# these think before each proposal, skopt for a tenth of a second
EXAMPLES = {"optuna": 8, "hyperopt": 8, "bayesian": 8, "skopt": 3}


@pytest.mark.parametrize("backend", base.names())
def test_each_backend_has_its_contract_test(backend: str) -> None:
    tests = importlib.import_module(f"tests.backends.test_{backend}")
    contracts = [
        value
        for _, value in inspect.getmembers(tests, inspect.isclass)
        if issubclass(value, BackendContract) and value is not BackendContract
    ]
    assert backend in [contract.backend for contract in contracts]


@pytest.mark.parametrize("backend", base.names())
def test_each_backend_keeps_to_its_golden_file(backend: str) -> None:
    """A library that samples differently shows here: see golden.py for how to accept it."""
    recorded = json.loads(golden.path(backend).read_text(encoding="utf-8"))
    assert golden.proposals(backend) == recorded


@pytest.mark.parametrize("backend", base.names())
def test_each_backend_keeps_to_any_space(backend: str) -> None:
    @settings(max_examples=EXAMPLES.get(backend, 25))
    @given(spaces())
    def first_proposals_lie_in_the_space(space: Space) -> None:
        made = base.module(backend).create(space, OBJECTIVE, SETTINGS, seed=3)
        proposals = Driver(made, pending=2).limit(None).run(steps=30)
        assert proposals
        for proposal in proposals[:15]:
            space.check(proposal.params)
            assert all(type(v) in (int, float, str, bool) for v in proposal.params.values())

    first_proposals_lie_in_the_space()

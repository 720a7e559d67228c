"""Which functions draw from a generator that has no seed."""

import importlib
import itertools

import pytest

from search.problem.unseeded_generators import is_unseeded

NUMBERS = itertools.count()
UNSEEDED = {
    "numpy": "def load(_):\n    return np.random.default_rng().random(3)",
    "none": "def load(_):\n    return np.random.default_rng(seed=None).random(3)",
    "python": "def load(_):\n    return random.Random().random()",
    "bits": "def load(_):\n    return np.random.Generator(np.random.PCG64()).random(3)",
    "older": "def load(_):\n    return np.random.RandomState().rand(3)",
    "system": "def load(_):\n    return random.SystemRandom().random()",
    "helper": "def drawn():\n    return default_rng().random(3)\ndef load(_):\n    return drawn()",
    "global": "OWN = default_rng(3)\ndef load(_):\n    return OWN.random(3)",
    "closed over": (
        "def make(own):\n    return lambda _: own.random(3)\nload = make(default_rng(3))"
    ),
    "method": (
        "class Data:\n    def load(self, _):\n        return default_rng().random(3)\n"
        "load = Data().load"
    ),
    "callable": (
        "class Data:\n    def __call__(self, _):\n        return default_rng().random(3)\n"
        "load = Data()"
    ),
    "partial": "def drawn(n, _):\n    return default_rng().random(n)\nload = partial(drawn, 3)",
}
SEEDED = {
    "numpy": "def load(_):\n    return np.random.default_rng(0).random(3)",
    "keyword": "def load(_):\n    return random.Random(x=1).random()",
    "variable": "SEED = 3\ndef load(_):\n    return default_rng(SEED).random(3)",
    "nothing drawn": "def load(_):\n    return np.ones(3)",
    "built in": "load = len",
}
HEAD = """
import random
from functools import partial
import numpy as np
from numpy.random import default_rng
"""


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return a function that imports a file with this text and gives its `load`."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(text):
        name = f"of_users_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(HEAD + text)
        return importlib.import_module(name).load

    return load


@pytest.mark.parametrize("form", UNSEEDED)
def test_a_load_whose_generator_has_no_seed_is_told(form, loaded):
    assert is_unseeded(loaded(UNSEEDED[form]))


@pytest.mark.parametrize("form", SEEDED)
def test_a_load_with_a_seed_is_not(form, loaded):
    assert not is_unseeded(loaded(SEEDED[form]))


def test_a_helper_in_a_file_beside_it_is_seen(loaded, tmp_path):
    (tmp_path / "drawing.py").write_text(f"{HEAD}def drawn():\n    return default_rng().random(3)")
    assert is_unseeded(loaded("import drawing\ndef load(_):\n    return drawing.drawn()"))


def test_the_order_of_a_set_does_not_show(loaded):
    assert not is_unseeded(loaded("def load(_):\n    return list({'a', 'b'})"))


def test_a_function_without_a_file_is_judged_by_its_own_code():
    known = {}
    exec(
        "import numpy as np\nown = np.random.default_rng(0)\ndef load(_): return own.random()",
        known,
    )
    assert is_unseeded(known["load"])

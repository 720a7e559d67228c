from collections import Counter

import numpy as np
from scipy.stats import uniform

from search import Choice, Float, Int, Space
from search.backends import randomized
from search.seeds import seed_for
from tests.backends.contract import OBJECTIVE, SETTINGS, BackendContract, Driver, distinct

LISTS = Space(Choice("optimizer", ("sgd", "adam", "nadam")), Int("layers", 1, 9), Int("k", 1, 9))


class TestRandomized(BackendContract):
    backend = "randomized"


def test_a_space_of_lists_has_one_sequence_for_every_limit() -> None:
    """ParameterSampler alone draws differently for every n_iter when given lists only."""
    first, more = (
        distinct(Driver(randomized.create(LISTS, OBJECTIVE, SETTINGS, 0)).limit(limit).run())
        for limit in (10, 99)
    )
    assert more[:10] == first


def test_draws_are_even_on_the_scale_of_the_parameter() -> None:
    space = Space(Float("rate", 1e-4, 1e-1, log=True))
    made = randomized.create(space, OBJECTIVE, SETTINGS, 0)
    rates = [float(p.params["rate"]) for p in Driver(made).limit(600).run()]
    decades = Counter(f"{rate:e}"[-2:] for rate in rates)
    assert set(decades) == {"04", "03", "02"}
    assert all(150 < count < 250 for count in decades.values())


def test_values_are_those_of_scipys_uniform_distribution() -> None:
    space = Space(Float("rate", 0.0, 1.0), Float("width", 2.0, 8.0))
    made = randomized.create(space, OBJECTIVE, SETTINGS, 5)
    drawn = [p.params for p in Driver(made).limit(200).run()]
    nodes = {node.name: node.parameter for node in space.nodes}
    state = np.random.RandomState(seed_for(5, "randomized"))
    expected = [
        {name: nodes[name].at(float(uniform().rvs(random_state=state))) for name in sorted(nodes)}
        for _ in range(200)
    ]
    assert drawn == expected

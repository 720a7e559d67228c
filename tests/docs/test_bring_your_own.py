"""The page for those who bring their own: its code runs, and says what it says of itself."""

from pathlib import Path
from typing import Any

import numpy as np

from search.space.parameters import Choice, Float, Int
from tests.docs.test_docs import blocks

PAGE = Path(__file__).parents[2] / "docs" / "bring-your-own.md"


def test_the_code_of_the_page_runs():
    names: dict[str, Any] = {}
    hypermodel, *others = blocks(PAGE.read_text(encoding="utf-8"), "python")
    exec(hypermodel, names)
    problem = names["PROBLEM"]
    found = {p.name: (type(p), p.when) for p in problem.space.parameters}
    assert found == {
        "layers": (Int, None),
        "units_0": (Int, None),
        "units_1": (Int, {"layers": (2, 3)}),
        "units_2": (Int, {"layers": (3,)}),
        "dropout": (Choice, None),
        "rate": (Float, {"dropout": (True,)}),
        "lr": (Float, None),
    }
    assert "27 builds found its space" in problem.description
    for block in others:
        exec(block, names)
    base = names["TRANSFER"].build({"fine_tune": False, "rate": 0.01}).layers[0]
    assert not base.trainable_variables
    for mine, its in zip(base.get_weights(), names["TRAINED"], strict=True):
        np.testing.assert_array_equal(mine, its)
    data = names["data"]
    assert {name: array.shape for name, array in data.train.x.items()} == {
        "who": (16, 1),
        "has": (16, 1),
    }
    assert names["PROBLEM"].derived([{"val_loss": 1.0}, {"val_loss": 3.0}]) == {
        "val_loss_steady": 2.0
    }

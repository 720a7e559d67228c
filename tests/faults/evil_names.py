"""The problem of the faults, with EVIL as option, metric, description, warning and error."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from search import Choice, Int, Space
from tests.faults import problem

EVIL = os.environ.get("EVIL", "<script>")


def build(params: Any) -> Any:
    warnings.warn(EVIL, stacklevel=1)
    if params["units"] == 9:
        raise RuntimeError(EVIL)
    return problem.build(params)


def derived(curve: Sequence[Any]) -> dict[str, float]:
    return {EVIL: curve[-1]["val_loss"]}


PROBLEM = replace(
    problem.PROBLEM,
    space=Space(Int("units", 4, 9), Choice("option", [EVIL])),
    build=build,
    derived=derived,
    description=EVIL,
)

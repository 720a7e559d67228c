"""The first proposals of each backend, on file: a library upgrade that changes sampling shows.

To accept a change, say so in the changelog (studies begun before cannot be resumed exactly) and
write the files anew:

    python -m tests.backends.golden [BACKEND ...]
"""

import json
import sys
from pathlib import Path
from typing import Any

from search.backends.base import names
from tests.backends.contract import BackendContract, Driver

FOLDER = Path(__file__).parent / "golden"
# scikit-optimize minimises over a Gaussian process after ten random points: where that ends depends
# on the processor's instructions
_EXACT = {"skopt": 10}


def path(backend: str) -> Path:
    return FOLDER / f"{backend}.json"


def proposals(backend: str) -> list[dict[str, Any]]:
    """The first twelve, with one worker, on the contract's space and synthetic objective."""
    contract = BackendContract()
    contract.backend = backend
    driver = Driver(contract.make()).limit(17)
    driver.run(steps=24)
    exact = _EXACT.get(backend, 12)
    return [
        {
            "trial": proposal.trial,
            "params": {name: _rounded(value) for name, value in proposal.params.items()},
            "budget": [proposal.budget.start, proposal.budget.stop],
            "labels": dict(proposal.labels),
        }
        for proposal in driver.proposals[:exact]
    ]


def _rounded(value: object) -> object:
    """To 12 digits: machines differ in the last bits of a logarithm."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def write(*backends: str) -> None:
    """Write the files of these backends; without any, of all."""
    FOLDER.mkdir(exist_ok=True)
    for backend in backends or names():
        lines = ",\n".join(json.dumps(proposal) for proposal in proposals(backend))
        path(backend).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:])

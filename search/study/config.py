"""Settings of a study: validation, and conversion to and from JSON data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search.errors import JournalError, UsageError


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """Settings of a study. None means the default of the problem or the backend.

    Attributes:
        problem: Word of the problem.
        backend: Name of the backend.
        trials: Limit on trials; it may be raised later.
        max_epochs: Largest number of epochs of a trial.
        seconds: Limit on active time in seconds; it may be raised later.
        seed: Root seed.
        patience: Epochs without improvement before a trial stops.
        factor: Reduction factor of Hyperband and successive halving.
        assignments: Texts of `--set`.
        sampler: Name of a sampler of the backend.
        pruner: Name of a pruner of the backend.
        study: Name of the study.
        population: Population size of an evolutionary sampler.
        generations: Number of generations of an evolutionary sampler.
        cv: Number of folds of cross-validation.
        ceiling: Largest number of epochs of a trial, as recorded in the header of a study.
        recorded: Whether the settings come from a header. Headers of earlier versions have no
            `ceiling`.

    Raises:
        UsageError: A value is out of range.
    """

    problem: str
    backend: str = "hyperband"
    trials: int | None = None
    max_epochs: int | None = None
    seconds: float | None = None
    seed: int = 0
    patience: int | None = None
    factor: int = 3
    assignments: tuple[str, ...] = ()
    sampler: str | None = None
    pruner: str | None = None
    study: str | None = None
    population: int | None = None
    generations: int | None = None
    cv: int | None = None
    ceiling: int | None = None
    recorded: bool = False

    def __post_init__(self) -> None:
        least = {"trials": 1, "max_epochs": 1, "patience": 0, "factor": 2, "seed": 0}
        least |= {"population": 2, "generations": 1, "cv": 2, "ceiling": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} must be at least {low}, not {value}. Raise it.")
        if self.seconds is not None and self.seconds <= 0:
            raise UsageError(f"--time must be more than 0 s, not {self.seconds:g} s. Raise it.")
        if self.backend == "hyperband" and self.trials is not None and self.trials < self.factor:
            raise UsageError(
                f"--trials must be at least the factor ({self.factor}) of Hyperband, not "
                f"{self.trials}. Raise it, or use --backend randomized."
            )

    def plain(self) -> dict[str, Any]:
        """Return the settings that define the study as JSON data, without limits and name.

        Settings added in later versions are left out while unset, to keep older digests.
        """
        plain = asdict(self)
        for later in ("population", "generations", "cv"):
            if plain[later] is None:
                del plain[later]
        for other in ("trials", "seconds", "study", "ceiling", "recorded"):
            plain.pop(other)
        return plain | {"assignments": list(self.assignments)}


def digest_of(plain: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of JSON data."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def from_plain(plain: Mapping[str, Any]) -> StudyConfig:
    """Return the settings of a journal's header, as written by `StudyConfig.plain`.

    Raises:
        JournalError: This version does not know a setting.
    """
    try:
        given = {**plain, "assignments": tuple(plain["assignments"]), "recorded": True}
        return StudyConfig(**given)
    except (TypeError, LookupError, UsageError) as error:
        raise JournalError(
            f"The settings in the header of the journal are invalid: {str(error).rstrip('.')}. "
            "Restore the journal from a copy, or use the version that wrote it."
        ) from error

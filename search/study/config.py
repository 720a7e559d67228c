"""A study's settings, validated, and what is read from the environment and from TOML files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search.errors import JournalError, UsageError


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """What a user may say of a study; None means the default of the problem or backend.

    `trials` and `seconds` (active time) are caps and may be raised later; `study` is a name; all
    else defines the study. `assignments`: the `--set` texts. `cv`: folds of cross-validation.
    `ceiling`: the epochs that a trial may have at most, as a study's header holds them; `recorded`:
    the settings are read from a header, which held no ceiling before there were ranges above 9.

    Raises: UsageError for a value out of range.
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
                raise UsageError(f"--{option} must be at least {low}, got {value}; raise it")
        if self.seconds is not None and self.seconds <= 0:
            raise UsageError(f"--time must be more than 0 s, got {self.seconds:g}; raise it")
        if self.backend == "hyperband" and self.trials is not None and self.trials < self.factor:
            raise UsageError(
                f"--trials must be at least the factor {self.factor} under hyperband, got "
                f"{self.trials}; raise it, or use --backend randomized"
            )

    def plain(self) -> dict[str, Any]:
        """What defines the study, as JSON data.

        Settings that came later are left out while unset: the digest of older studies stays.
        """
        plain = asdict(self)
        for later in ("population", "generations", "cv"):
            if plain[later] is None:
                del plain[later]
        for other in ("trials", "seconds", "study", "ceiling", "recorded"):
            plain.pop(other)
        return plain | {"assignments": list(self.assignments)}


def digest_of(plain: Mapping[str, Any]) -> str:
    """A SHA-256 of JSON data, in hexadecimal."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def from_plain(plain: Mapping[str, Any]) -> StudyConfig:
    """Return the settings that `StudyConfig.plain` gave, as a journal's header holds them.

    Raises: JournalError for settings that this version cannot understand.
    """
    try:
        given = {**plain, "assignments": tuple(plain["assignments"]), "recorded": True}
        return StudyConfig(**given)
    except (TypeError, LookupError, UsageError) as error:
        raise JournalError(
            f"the settings in the header of the journal cannot be understood ({error}); restore "
            "the journal from a copy, or use the version that wrote it"
        ) from error

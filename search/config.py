"""A study's settings, validated, and what is read from the environment and from TOML files."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.errors import UsageError, unknown_name

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SCALARS = (str, int, float)  # what TOML has beside dates, lists and tables


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """What a user may say of a study; None means the default of the problem or backend.

    `trials` and `seconds` (active time) are caps and may be raised later; `study` is a name; all
    else defines the study. `assignments`: the `--set` texts. `cv`: folds of cross-validation.

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

    def __post_init__(self) -> None:
        least = {"trials": 1, "max_epochs": 1, "patience": 0, "factor": 2, "seed": 0}
        least |= {"population": 2, "generations": 1, "cv": 2}
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
        for cap in ("trials", "seconds", "study"):
            plain.pop(cap)
        return plain | {"assignments": list(self.assignments)}


def digest_of(plain: Mapping[str, Any]) -> str:
    """A SHA-256 of JSON data, in hexadecimal."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def from_plain(plain: Mapping[str, Any]) -> StudyConfig:
    """The settings that `StudyConfig.plain` gave, as a journal's header holds them."""
    return StudyConfig(**{**plain, "assignments": tuple(plain["assignments"])})


def parse_seconds(text: str) -> float:
    """Seconds from a text like "90", "45s", "10m" or "1h30m".

    Raises: UsageError for anything else.

    >>> parse_seconds("1h30m")
    5400.0
    """
    number = r"\d+(?:\.\d+)?"
    if re.fullmatch(number, text):
        return float(text)
    if not re.fullmatch(rf"(?:{number}[smhd])+", text):
        raise UsageError(f"a time must look like 90, 45s, 10m or 1h30m, got {text!r}")
    parts = re.findall(rf"({number})([smhd])", text)
    return sum(float(value) * _SECONDS[unit] for value, unit in parts)


_TRACKING_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the platform takes from the environment; this file is the only reader of it."""

    data_dir: Path | None
    tracking_uri: str | None
    visible_gpus: str | None = None
    tracking_secrets: tuple[str, ...] = ()

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """From SEARCH_DATA_DIR and MLFLOW_TRACKING_URI, where empty means unset; and CUDA's own.

        An empty CUDA_VISIBLE_DEVICES means no GPU.
        """
        data_dir = variables.get("SEARCH_DATA_DIR")
        return cls(
            Path(data_dir) if data_dir else None,
            variables.get("MLFLOW_TRACKING_URI") or None,
            variables.get("CUDA_VISIBLE_DEVICES"),
            tuple(variables[name] for name in _TRACKING_SECRETS if variables.get(name)),
        )


def read_toml(path: Path, flags: Mapping[str, bool]) -> list[str]:
    """The options in a TOML file, as the words that say the same on a command line.

    `flags`: the long names of the options there are, without dashes; True for those that take no
    value. A file may hold: `backend = "optuna"`, `max-epochs = 27`, `quiet = true`, and under
    `[set]` lines like `learning_rate = "1e-3..1e-1"`.

    Raises: UsageError when the file cannot be read, or holds what no option can mean.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UsageError(
            f"--config must name a readable file, got {path}: {error.strerror}"
        ) from None
    except ValueError as error:  # TOMLDecodeError, or UnicodeDecodeError for bytes that are no text
        raise UsageError(f"--config must be TOML, but {path} is not: {error}") from None
    words = []
    for name, value in table.items():
        try:
            if name not in flags:
                raise unknown_name("option", name, flags)
            words += _narrowing(value) if name == "set" else _option(name, value, flags[name])
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
    return words


def narrowed_name(assignment: str) -> str:
    """The parameter that a `--set` text is about."""
    return assignment.partition("=")[0].strip()


def _option(name: str, value: object, flag: bool) -> list[str]:
    if flag:
        if not isinstance(value, bool):
            raise _unfit(name, "true or false", value, "write one of them, without quotes")
        return [f"--{name}"] if value else []
    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        raise _unfit(name, "one number or text", value, "write it as on the command line")
    # joined by "=": a text that begins with a dash is a value all the same
    return [f"--{name}={value}"]


def _narrowing(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"--set={name}={_values(name, values)}" for name, values in value.items()]
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and "=" in text for text in texts):
        raise _unfit("set", "a table of NAME = VALUES", value, "put them under [set]")
    return [f"--set={text}" for text in texts]


def _values(name: str, value: object) -> str:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, _SCALARS) for one in values):
        rule = "a value or a list of values"
        raise _unfit(f"set.{name}", rule, value, "write numbers or texts")
    return ",".join(map(str, values))


def _unfit(name: str, rule: str, value: object, remedy: str) -> UsageError:
    got = repr(value) if isinstance(value, str) else str(value)
    got = got.lower() if isinstance(value, bool) else got
    return UsageError(f"{name} must be {rule}, got {got}; {remedy}")

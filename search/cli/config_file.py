"""Read command-line options from a TOML file."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from search.errors import UsageError, unknown_name

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


_SCALARS = (str, int, float)  # TOML types other than dates, lists and tables


def parse_seconds(text: str) -> float:
    """Convert a duration like "90", "45s", "10m" or "1h30m" to seconds.

    Raises: UsageError for any other text.

    >>> parse_seconds("1h30m")
    5400.0
    """
    number = r"\d+(?:\.\d+)?"
    if re.fullmatch(number, text):
        return float(text)
    if not re.fullmatch(rf"(?:{number}[smhd])+", text):
        raise UsageError(f"{text!r} is not a duration. Write it like 90, 45s, 10m or 1h30m.")
    parts = re.findall(rf"({number})([smhd])", text)
    return sum(float(value) * _SECONDS[unit] for value, unit in parts)


def read_toml(path: Path, flags: Mapping[str, bool]) -> list[str]:
    """Read a TOML file and return its options as command-line arguments.

    `flags`: the long names of the valid options, without dashes; True for options without a value.
    A file may contain `backend = "optuna"`, `max-epochs = 27`, `quiet = true` and, under `[set]`,
    lines like `learning_rate = "1e-3..1e-1"`.

    Raises: UsageError when the file cannot be read, or contains an unknown option or a wrong value.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"Cannot read --config file {path}: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError, or UnicodeDecodeError for a binary file
        raise UsageError(f"--config file {path} is not valid TOML: {error}") from None
    words = []
    for name, value in table.items():
        try:
            if name not in flags:
                raise unknown_name("option", name, flags)
            words += _narrowing(value) if name == "set" else _option(name, value, flags[name])
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
    return words


def _option(name: str, value: object, flag: bool) -> list[str]:
    if flag:
        if not isinstance(value, bool):
            raise _unfit(name, "true or false", value, "write one of them, without quotes")
        return [f"--{name}"] if value else []
    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        raise _unfit(name, "one number or text", value, "write it as on the command line")
    # joined by "=", so that argparse takes a text with a leading dash as a value
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

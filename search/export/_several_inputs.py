"""Read and validate examples for a model with several inputs, from a .npz or .csv file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.errors import DataError, UsageError, unknown_name
from search.export._csv_rows import numbers, rows
from search.export._input_files import InputFacts, archive, batch, typed
from search.export._input_files import kind as ending

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

KINDS = (".npz", ".csv")


def read_inputs(path: Path, facts: Mapping[str, InputFacts]) -> "dict[str, Array]":
    """Read the examples in a file, by input: `(n, *shape)` of its dtype, with equal n >= 1.

    .npz: one array per input, by name; one example, or a batch. .csv: one example per row. Its
    header names the columns, in any order: `wide` for an input of one value, `wide.0`, `wide.1`,
    ... for one of several values (in row-major order). Without a header, the inputs are in the
    order of `facts`.

    Raises: UsageError for a missing file or another type; DataError for a file that cannot be read
    or an input that does not fit.
    """
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"Cannot predict from {path.name!r}: the model has {len(facts)} inputs "
            f"({described(facts)}). Give a .npz file with one array per input, or a .csv file."
        )
    try:
        found = _arrays if ending(path, KINDS) == ".npz" else _columns
        examples = found(path, facts)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}") from error
    sizes = {name: len(array) for name, array in examples.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(
            f"{path} has different numbers of examples per input: "
            f"{', '.join(f'{size} of {name}' for name, size in sizes.items())}. Correct it."
        )
    return examples


def described(facts: Mapping[str, InputFacts]) -> str:
    """Describe the inputs of a model as text.

    >>> described({"wide": InputFacts((5,), "float32"), "code": InputFacts((), "int64")})
    'wide: 5 of float32, code: one value of int64'
    """
    return ", ".join(f"{name}: {each}" for name, each in facts.items())


def _arrays(path: Path, facts: Mapping[str, InputFacts]) -> "dict[str, Array]":
    found = archive(path)
    for name in facts:
        if name not in found:
            raise DataError(
                f"{path} has no array for an input: {unknown_name('input', name, found)}. The "
                f"model takes {described(facts)}."
            )
    for name in found:
        if name not in facts:
            raise DataError(
                f"{path}: {unknown_name('input', name, facts)}. Save only the inputs of the model."
            )
    places = {name: f"{path}, {name}" for name in facts}
    return {
        name: typed(batch(found[name], each, places[name]), each, places[name])
        for name, each in facts.items()
    }


def _columns(path: Path, facts: Mapping[str, InputFacts]) -> "dict[str, Array]":
    expected = [column for name, each in facts.items() for column in _names(name, each)]
    texts = [each.is_text for each in facts.values() for _ in range(each.size)]
    names, cells = rows(path, len(expected), described(facts), texts)
    order = list(range(len(expected))) if names is None else _order(path, names, expected)
    examples, first = {}, 0
    for name, each in facts.items():
        columns = order[first : first + each.size]
        own = cells.values[:, columns] if each.is_text else numbers(path, cells, columns)
        examples[name] = typed(own.reshape(-1, *each.shape), each, f"{path}, {name}")
        first += each.size
    return examples


def _names(name: str, facts: InputFacts) -> Iterator[str]:
    if facts.size == 1:
        yield name
    else:
        yield from (f"{name}.{place}" for place in range(facts.size))


def _order(path: Path, names: list[str], expected: list[str]) -> list[int]:
    for name in expected:
        if name not in names:
            raise DataError(
                f"{path} has no column {name!r}, only {', '.join(names)}. Name the columns "
                f"{', '.join(expected[:3])}, ... (input and index), or remove the header and give "
                "the values in that order."
            )
    return [names.index(name) for name in expected]

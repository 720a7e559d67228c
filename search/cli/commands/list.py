"""`list`: list problems, backends or studies."""

from argparse import Namespace
from collections.abc import Iterator

from search.backends import base as backends
from search.backends import registry
from search.cli.commands.common import out, read, store_of
from search.errors import JournalError, NewerJournalError, SearchError
from search.problem import loading as problems
from search.runtime.environment import Environment
from search.study.store import Store


def main(options: Namespace, environment: Environment) -> int:
    """Print one line per problem, backend or study."""
    rows = {"problems": _problems, "backends": _backends}.get(options.what)
    for row in rows() if rows is not None else _studies(store_of(options)):
        out(f"{row[0]:<24}  {'  '.join(row[1:])}".rstrip())
    return 0


def _problems() -> Iterator[list[str]]:
    for name in problems.names():
        yield [name, problems.load(name).problem.description]


def _backends() -> Iterator[list[str]]:
    for name in backends.names():
        about = (backends.module(name).__doc__ or "").partition("\n")[0]
        command = registry.install_command(name)
        yield [name, about if command is None else f"not installed: {command}. {about}"]
        for kind, words in (
            ("sampler", registry.samplers(name)),
            ("pruner", registry.pruners(name)),
        ):
            if words:
                yield ["", f"--{kind} {', '.join(words)}"]


def _studies(store: Store) -> Iterator[list[str]]:
    if not store.journals.is_dir():
        raise SearchError(f"No studies in '{store.root}'. Run a search first, or pass --store DIR.")
    for name in store.misnamed():
        yield [name, "damaged: the file name is not a valid study name. Rename the file."]
    for name in store.studies():
        try:
            record, state = read(store, name)
        except JournalError as error:
            word = "unreadable" if isinstance(error, NewerJournalError) else "damaged"
            yield [name, f"{word}: {error}"]
            continue
        best = record.best()
        score = "-" if best is None or best.score is None else f"{best.score:.4f}"
        yield [
            name,
            f"{state:<11}",
            f"{record.header.problem}, {record.header.backend}",
            f"{len(record.trials)} trials",
            f"best {record.objective.metric} {score}",
        ]

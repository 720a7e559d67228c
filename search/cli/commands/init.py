"""`init`: write a runnable problem file to start from."""

import importlib
from argparse import Namespace
from pathlib import Path

from search.cli.commands.common import out
from search.errors import SearchError, UsageError
from search.runtime.environment import Environment
from search.runtime.names import check_name
from search.study.printed_commands import command_line, path_word

TEMPLATE = "_template.py"  # in spaces/: tests check and run it like every other problem


def main(options: Namespace, environment: Environment) -> int:
    """Write the file and print the next steps."""
    file: Path = options.file
    if file.suffix != ".py":
        raise UsageError(f"{str(file)!r} does not end in .py. Choose a name that does.")
    check_name("problem", file.stem)
    package = importlib.import_module("spaces")
    text = (Path(package.__path__[0]) / TEMPLATE).read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:  # never overwrites a file
            new.write(text.replace("THIS_FILE.py", file.name))
    except FileExistsError:
        raise UsageError(
            f"{file} already exists and is not overwritten. Choose another name."
        ) from None
    except OSError as error:
        raise SearchError(f"Cannot write {file}: {error.strerror or error}") from error
    run = ("run", path_word(file))
    rows = [
        ("try", command_line(*run, "--backend", "randomized", "--trials", "10")),
        ("edit", f"data, model, space and baseline in {file}"),
        ("search", command_line(*run)),
    ]
    out("\n".join(f"{word + ':':<9}{text}" for word, text in rows))
    return 0

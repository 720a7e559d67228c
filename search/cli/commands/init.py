"""`init`: a problem file of one's own, to start from."""

import importlib
from argparse import Namespace
from pathlib import Path

from search.cli.commands.common import out
from search.errors import SearchError, UsageError
from search.runtime.environment import Environment
from search.runtime.names import check_name
from search.study.printed_commands import command_line, path_word

TEMPLATE = "_template.py"  # in spaces/: checked and run as every other problem


def main(options: Namespace, environment: Environment) -> int:
    """Write the file and print what to do with it."""
    file: Path = options.file
    if file.suffix != ".py":
        raise UsageError(f"a problem file must end in .py, got {str(file)!r}; rename it")
    check_name("problem", file.stem)
    package = importlib.import_module("spaces")
    text = (Path(package.__path__[0]) / TEMPLATE).read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:  # never over what somebody wrote
            new.write(text.replace("THIS_FILE.py", file.name))
    except FileExistsError:
        raise UsageError(
            f"init must write a new file, got {file}, which exists; choose another name"
        ) from None
    except OSError as error:
        raise SearchError(f"cannot write {file}: {error.strerror or error}") from error
    run = ("run", path_word(file))
    rows = [
        ("try it", command_line(*run, "--backend", "randomized", "--trials", "10")),
        ("change it", f"data, model, space and baseline in {file}"),
        ("search it", command_line(*run)),
    ]
    out("\n".join(f"{word + ':':<12}{text}" for word, text in rows))
    return 0

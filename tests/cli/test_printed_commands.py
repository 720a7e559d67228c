"""Every command that is printed can be pasted into a shell, whatever store and files are called."""

import errno
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from search.cli import summary
from search.cli.parser import parse
from search.study import printed_commands
from search.study.store import Store
from search.study.study_record import fold
from tests.records import header, whole_life

NAMES = ["my runs", "50%41", 'it\'s "so"', "-dash", "$HOME;`x`", "ü\\n", "--trials"]


def words_of(command: str) -> list[str]:
    """The words that a shell makes of a command, after `python -m search`."""
    words = shlex.split(command)
    assert words[1:3] == ["-m", "search"]
    return words[3:]


@pytest.mark.parametrize("name", NAMES)
def test_the_next_commands_name_the_store_and_the_files(name):
    first = header()
    event = replace(first.event, config={**first.event.config, "problem": f"{name}.py"})
    record = fold(whole_life(replace(first, event=event)))
    store = Store(Path(name))
    rows = dict(summary.next_commands(record, store.export("demo-1"), store))
    rows["rebuild"] = printed_commands.rebuild_command("demo-1", store)
    for word, command in rows.items():
        options = parse(words_of(command))
        if word == "predict":
            assert Path(options.export) == store.export("demo-1")
        else:
            assert Path(options.store) == Path(name)
        if word == "repeat":
            assert Path(options.problem) == Path(f"{name}.py")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["journals/s.jsonl", "checkpoints/s/1.npz", "exports/s"])
def test_what_cannot_be_written_to_a_full_disk_names_the_command_that_makes_room(
    name, place, tmp_path
):
    store = Store(tmp_path / name)
    store.journals.mkdir(parents=True)
    full = OSError(errno.ENOSPC, "No space left on device")
    said = printed_commands.how_to_make_room(store.root / place, full)
    options = parse(words_of(said[said.index("`") + 1 : said.rindex("`")]))
    assert (options.command, options.study, options.store) == ("clean", "STUDY", store.root)
    assert printed_commands.how_to_make_room(store.root / place, OSError(errno.EACCES, "no")) == ""
    assert printed_commands.how_to_make_room(tmp_path / place, full) == ""

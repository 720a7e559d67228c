"""Remarks and the user's own warnings are shown once each; what libraries warn of is hidden."""

import ast
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import search
from search.cli.main import main
from search.engine import run
from search.errors import SearchWarning
from search.runtime import user_warnings
from search.trackers.dispatcher import TrackerDispatcher
from search.trackers.memory import MemoryTracker
from tests.support import header

PLATFORM = Path(search.__file__).parent
FILE = """
import warnings
import keras_tuner
from search.hypermodel import from_hypermodel
from tests.field.tables import data, dense, table

warnings.filterwarnings("ignore", category=FutureWarning)
warnings.warn("from the top")
X, Y = table(60)

def load(data_dir):
    warnings.warn("from load", DeprecationWarning)
    return data(X, Y)

class Own(keras_tuner.HyperModel):
    def build(self, hp):
        warnings.warn("from build")
        return dense(rate=hp.Float("rate", 1e-3, 1e-1))

    def fit(self, hp, model, x, y, **kw):
        warnings.warn("from fit")
        return model.fit(x, y, epochs=3, **kw)

PROBLEM = from_hypermodel(Own(), load, "val_loss", name="own")
"""


@pytest.fixture
def said():
    """What is shown within the test."""
    lines = []
    user_warnings.install(lines.append)
    return lines


def test_a_remark_is_shown_once_whatever_line_makes_it(said):
    for _ in range(2):
        warnings.warn("change this", SearchWarning, stacklevel=1)
    warnings.warn("change this", SearchWarning, stacklevel=2)
    assert said == ["change this"]


def categories():
    """Yield where the platform raises a warning, and with which category."""
    for file in PLATFORM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("warnings.warn"):
                named = [word.value for word in node.keywords if word.arg == "category"]
                found = [*node.args[1:2], *named] or [ast.Constant(None)]
                yield f"{file.relative_to(PLATFORM)}:{node.lineno}", ast.unparse(found[0])


def test_all_warnings_of_the_platform_have_one_category():
    known = ("SearchWarning", "remark.category")  # the last: of a remark that is raised again
    found = list(categories())
    assert len(found) > 20
    assert [place for place, category in found if category not in known] == []


class Broken(MemoryTracker):
    """Fails at the end of a trial."""

    def end_trial(self, study, trial):
        raise OSError("no space")


def test_a_tracker_that_fails_and_other_versions_are_shown_as_remarks_are(said, monkeypatch):
    dispatcher = TrackerDispatcher([Broken(), Broken()], "doctor --rebuild {}".format)
    for _ in range(2):
        dispatcher.end_trial(None, None)
    assert said == [
        "Broken failed (OSError: no space); the study goes on, and the tracker is tried again later"
    ]
    begun = header()
    for _ in range(2):
        run._warn_of_versions(replace(begun, versions={"keras": "2.0"}), run.ALONE)
    assert said[1].startswith("versions differ from the start of the study (keras 2.0 -> ")
    assert len(said) == 2


def test_a_warning_of_the_users_code_is_shown_with_its_place_whatever_its_kind(said):
    for kind in (UserWarning, DeprecationWarning, RuntimeWarning):
        for _ in range(2):
            warnings.warn(f"mine {kind.__name__}", kind, stacklevel=1)
    assert [line.partition(" (test_remarks.py, line ")[0] for line in said] == [
        "mine UserWarning",
        "mine DeprecationWarning",
        "mine RuntimeWarning",
    ]


def test_a_warning_about_the_users_own_numbers_is_shown(said):
    np.float32(1) / np.float32(0)
    assert "divide by zero" in said[0]


def test_a_librarys_warning_is_hidden_even_where_it_names_a_line_of_the_users(said, tmp_path):
    installed = tmp_path / "site-packages" / "noisy.py"
    installed.parent.mkdir()
    code = "import warnings\ndef noise():\n    warnings.warn('noise', stacklevel=2)\n"
    names = {}
    exec(compile(code, str(installed), "exec"), names)
    names["noise"]()
    assert not said


def test_remarks_are_shown_where_a_file_has_ignored_all_warnings(said):
    warnings.filterwarnings("ignore")
    user_warnings.prefer()
    warnings.warn("change this", SearchWarning, stacklevel=1)
    warnings.warn("ignored", stacklevel=1)
    assert said == ["change this"]


def test_outside_the_platforms_processes_no_filter_is_touched():
    before = list(warnings.filters)
    user_warnings.prefer()
    assert warnings.filters == before


def shown(text):
    return sorted(line for line in text.splitlines() if line.startswith("warning: "))


def test_two_workers_and_their_coordinator_show_each_warning_once(tmp_path, capfd):
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    store = tmp_path / "store"
    options = {"backend": "randomized", "trials": 2, "max_epochs": 1, "mlflow": False}
    search.tune(str(file), workers=2, store=store, quiet=True, **options)
    lines = shown(capfd.readouterr().err)
    wanted = ("from the top", "from load", "from build", "from fit", "own: its fit trains 3 epochs")
    for text in wanted:
        assert sum(text in line for line in lines) == 1, (text, lines)
    # and what the first epoch showed
    assert sum("trained 3 epochs in one call" in line for line in lines) == 1
    assert len(lines) == len(wanted) + 1


def test_the_command_line_shows_them_too(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import warnings\nwarnings.warn('from the top')\nPROBLEM = 1\n")
    assert main(["run", str(file), "--store", str(tmp_path)]) == 2
    assert shown(capsys.readouterr().err) == ["warning: from the top (mine.py, line 2)"]

"""A user's own problem file: its mistakes are named by file and line, its neighbours are found."""

import sys
from dataclasses import replace

import pytest

from search.cli.commands.run import study_config
from search.cli.parser import parse
from search.errors import UsageError
from search.problem.loading import digest, load, sources
from spaces.digits import PROBLEM

WHOLE = """
from dataclasses import replace
from spaces.digits import PROBLEM as DIGITS
PROBLEM = replace(DIGITS, name="mine")
"""


@pytest.fixture(autouse=True)
def _path_as_before(monkeypatch):
    """A loaded problem's folder stays importable: here only until the test ends."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("search_problem_", "a_", "an_")):
            del sys.modules[name]


def refusal(word: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(word)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("x = 1\ndef build(:\n", "SyntaxError: invalid syntax", 2),
        ("x = 1\n\n1 / 0\n", "ZeroDivisionError: division by zero", 3),
        ("import no_such_module_here\n", "ModuleNotFoundError: No module named", 1),
        ("def f():\n    raise RuntimeError('two\\nlines')\nf()\n", "RuntimeError: two lines", 2),
        ("import json\njson.loads('{')\n", "JSONDecodeError: Expecting property name", 2),
        ("from search.parameters import Int\nInt('a', 3, 1)\n", "low must be <= high", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    ],
)
def test_a_mistake_in_a_problem_file_is_named_by_file_and_line(tmp_path, source, kind, line):
    file = tmp_path / "wrong.py"
    file.write_text(source)
    message = refusal(str(file))
    assert kind in message
    assert f"{file}, line {line}" in message
    assert "search_problem_wrong" not in sys.modules


def test_a_mistake_in_a_file_beside_it_is_named_there(tmp_path):
    (tmp_path / "a_wrong_helper.py").write_text("x = 1\n\nx +\n")
    file = tmp_path / "mine.py"
    file.write_text("import a_wrong_helper\n" + WHOLE)
    assert f"{tmp_path / 'a_wrong_helper.py'}, line 3" in refusal(str(file))


def test_a_mistake_in_a_file_that_is_imported_late_is_named_before_the_search(tmp_path):
    (tmp_path / "a_late_helper.py").write_text("x +\n")
    file = tmp_path / "mine.py"
    file.write_text(WHOLE + "def build(params):\n    import a_late_helper\n")
    assert f"{tmp_path / 'a_late_helper.py'}, line 1" in refusal(str(file))


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path):
    file = tmp_path / "binary.py"
    file.write_bytes(b"\xff\x00\x01")
    assert str(file) in refusal(str(file))


def test_a_mistake_in_a_module_is_named_by_file_and_line(tmp_path):
    (tmp_path / "a_wrong_module.py").write_text("x = 1\nx.y\n")
    sys.path.insert(0, str(tmp_path))
    message = refusal("a_wrong_module:PROBLEM")
    assert f"{tmp_path / 'a_wrong_module.py'}, line 2" in message
    assert "AttributeError" in message


def test_a_helper_beside_the_problem_can_be_imported_at_once_and_late(tmp_path, monkeypatch):
    (tmp_path / "an_early_helper.py").write_text("NAME = 'mine'\n")
    (tmp_path / "a_later_helper.py").write_text("MODEL = 'model'\n")
    (tmp_path / "mine.py").write_text(
        "from dataclasses import replace\n"
        "from an_early_helper import NAME\n"
        "from spaces.digits import PROBLEM as DIGITS\n"
        "def build(params):\n    import a_later_helper\n    return a_later_helper.MODEL\n"
        "PROBLEM = replace(DIGITS, name=NAME, build=build)\n"
    )
    monkeypatch.chdir(tmp_path)
    problem = load("mine.py").problem
    monkeypatch.chdir("/")
    assert (problem.name, problem.build({})) == ("mine", "model")
    load(str(tmp_path / "mine.py"))
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.parametrize("name", ["", "my problem", "a/b", "-mine", ".mine", "mine\n", "x" * 101])
def test_a_problem_name_that_no_study_could_bear_is_refused(name):
    with pytest.raises(UsageError, match=r"is not a valid problem name\. Use at most 100 letters"):
        replace(PROBLEM, name=name)
    assert replace(PROBLEM, name="My-problem_2.0").name == "My-problem_2.0"


def test_a_relative_problem_file_is_recorded_by_its_whole_path(tmp_path, monkeypatch):
    (tmp_path / "my_problem.py").write_text(WHOLE)
    monkeypatch.chdir(tmp_path)
    words = {"./my_problem.py": str(tmp_path / "my_problem.py"), "digits": "digits"}
    for word, recorded in words.items():
        assert study_config(parse(["run", word])).problem == recorded
    monkeypatch.chdir("/")
    assert load(words["./my_problem.py"]).problem.name == "mine"


NESTED = """
from dataclasses import replace
import a_package.sizes
from a_package import depths
from a_package.inner.deep import NAME
from spaces.digits import PROBLEM as DIGITS
PROBLEM = replace(DIGITS, name=NAME, batch_size=a_package.sizes.BATCH)
"""


def nested(folder):
    inner = folder / "a_package" / "inner"
    inner.mkdir(parents=True)
    (folder / "mine.py").write_text(NESTED)
    (folder / "a_package" / "__init__.py").write_text("from a_package import sizes\n")
    (folder / "a_package" / "sizes.py").write_text(
        "from .depths import DEPTH\nBATCH = 32 * DEPTH\n"
    )
    (folder / "a_package" / "depths.py").write_text("DEPTH = 2\n")
    (inner / "deep.py").write_text("NAME = 'mine'\n")
    return folder / "mine.py"


def test_files_in_subfolders_belong_to_a_problem(tmp_path):
    file = nested(tmp_path)
    before = load(str(file))
    assert {name for name, _ in before.sources} == {
        "mine.py",
        "a_package/__init__.py",
        "a_package/sizes.py",
        "a_package/depths.py",
        "a_package/inner/deep.py",
    }
    assert before.sources[0][0] == "mine.py"
    (tmp_path / "a_package" / "depths.py").write_text("DEPTH = 1\n")
    changed = replace(before, sources=sources(file), source_digest=digest(sources(file)))
    assert not changed.has_digest(before.source_digest)


def test_a_study_of_an_earlier_version_knows_no_subfolders(tmp_path):
    file = nested(tmp_path)
    loaded = load(str(file))
    beside = digest(sources(file, nested=False))
    assert [name for name, _ in sources(file, nested=False)] == ["mine.py"]
    assert beside != loaded.source_digest
    assert loaded.has_digest(beside)


@pytest.mark.parametrize("name", ["digits", "fashion_transfer", "housing_wide_deep"])
def test_without_subfolders_the_digest_is_the_earlier_one(name):
    loaded = load(name)
    assert loaded.source_digest == loaded.earlier_digest

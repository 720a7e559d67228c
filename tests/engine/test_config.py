"""Options from a TOML file mean what the same words on the command line mean, and lose to them."""

import pytest

from search.cli.parser import parse
from search.errors import UsageError


@pytest.fixture
def options(tmp_path):
    """The options of `run digits` with these lines in a file and these words beside it."""

    def parsed(lines: str | bytes, *words: str):
        file = tmp_path / "study.toml"
        file.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
        return parse(["run", "digits", "--config", str(file), *words])

    return parsed


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("trials = 4", "trials", 4),
        ('trials = "4"', "trials", 4),
        ("max-epochs = 3", "max_epochs", 3),
        ('time = "10m"', "time", 600.0),
        ("time = 1.5", "time", 1.5),
        ("quiet = true", "quiet", True),
        ("quiet = false", "quiet", False),
        ('progress = "plain"', "progress", "plain"),
        ('study = "-x"', "study", "-x"),
        ('set = "layers=1"', "set", ["layers=1"]),
        ('set = ["layers=1", "optimizer=adam"]', "set", ["layers=1", "optimizer=adam"]),
        ('[set]\nlayers = 1\nx = "1..2"', "set", ["layers=1", "x=1..2"]),
        ("[set]\nlayers = [1, 2]\nx = 0.5", "set", ["layers=1,2", "x=0.5"]),
        ("[set]\nbias = [true, false]", "set", ["bias=True,False"]),
        ("", "trials", None),
    ],
)
def test_a_file_says_what_the_command_line_would(options, line, name, value):
    assert getattr(options(line), name) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('trials = "x"', "invalid int value: 'x'"),
        ("trials = 1.5", "invalid int value: '1.5'"),
        ("trials = true", "trials must be one number or text, got true"),
        ("trials = 2026-01-01", "trials must be one number or text, got 2026-01-01"),
        ("max-epochs = [1]", "max-epochs must be one number or text, got [1]"),
        ("[trials]\na = 1", "trials must be one number or text, got {'a': 1}"),
        ('time = "soon"', "'soon' is not a duration"),
        ('quiet = "no"', "quiet must be true or false, got 'no'"),
        ("quiet = 1", "quiet must be true or false, got 1"),
        ('progress = "foo"', "invalid choice: 'foo'"),
        ('workers = "none"', "'none' is not auto"),
        ("set = 3", "set must be a table of NAME = VALUES, got 3"),
        ("set = [3]", "set must be a table of NAME = VALUES, got [3]"),
        ('set = "layers"', "set must be a table of NAME = VALUES, got 'layers'"),
        ("[set]\nlayers = []", "set.layers must be a value or a list of values, got []"),
        ("[set]\nlayers = [[1]]", "set.layers must be a value or a list of values, got [[1]]"),
        ("[set.layers]\na = 1", "set.layers must be a value or a list of values, got {'a': 1}"),
        ("max_epochs = 1", "did you mean 'max-epochs'"),
        ('config = "other.toml"', "unknown option 'config'"),
        ("trials =", "is not valid TOML"),
        (b'study = "\xff"', "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_that_names_the_file(options, line, message):
    with pytest.raises(UsageError) as caught:
        options(line)
    said = str(caught.value)
    assert message in said
    assert "study.toml" in said
    assert len(said.splitlines()) == 1


def test_the_command_line_goes_before_the_file(options):
    given = options(
        'trials = 4\nprogress = "json"\n[set]\nlayers = 2\noptimizer = "adam"',
        *("--trials", "5", "--set", "layers=1"),
    )
    assert (given.trials, given.progress) == (5, "json")
    assert given.set == ["optimizer=adam", "layers=1"]


def test_a_mistake_on_the_command_line_is_not_laid_to_the_file(options):
    with pytest.raises(UsageError, match="invalid int value: 'y'") as caught:
        options("trials = 4", "--trials", "y")
    assert "study.toml" not in str(caught.value)

"""`init` writes a problem file that runs as it is, and never over another."""

import json

import pytest

from search.cli.main import main


def test_the_file_runs_as_it_is(tmp_path, monkeypatch, capsys, with_database) -> None:
    monkeypatch.chdir(tmp_path)
    with_database(tmp_path / "mlruns")
    assert main(["init", "my_problem.py"]) == 0
    assert "-m search run my_problem.py\n" in capsys.readouterr().out
    words = ["run", "my_problem.py", "--backend", "randomized", "--trials", "2", "--workers", "1"]
    assert main([*words, "--quiet", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["problem"], shown["state"]) == ("my_problem", "finished")
    assert shown["best"]["test"]["accuracy"] > 0.5


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("mine.py", "mine.py already exists and is not overwritten"),
        ("mine.txt", "'mine.txt' does not end in .py"),
        ("-my-problem.py", "See `python -m search init --help`"),
        ("my problem.py", "is not a valid problem name"),
    ],
)
def test_a_file_that_is_there_or_has_no_good_name_is_refused(
    name, rule, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("kept")
    assert main(["init", name]) == 2
    assert rule in capsys.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "kept"

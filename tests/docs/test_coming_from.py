"""docs/coming-from.md says what is so: its problem is written, its searches run, cut short."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from search.cli.main import main
from search.study import journal as journals
from search.study.study_record import fold

PAGE = (Path(__file__).parents[2] / "docs" / "coming-from.md").read_text(encoding="utf-8")
TOOLS = (
    *("Hyperas", "kopt", "Talos", "Hyperopt", "scikit-optimize", "Spearmint", "sklearn-deap"),
    *("KerasTuner", "scikit-learn"),
)
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
# the later of two words for one option counts
CUT_SHORT = "--trials 3 --max-epochs 3 --workers 1 --quiet --json"


def searches(section: str) -> list[str]:
    return re.findall(r"^python -m search (.+)$", SECTIONS[section], re.MULTILINE)


def test_every_tool_has_its_own_example_and_its_search_here() -> None:
    assert list(SECTIONS) == list(TOOLS)
    for name, section in SECTIONS.items():
        assert section.count("```python") == 1, name
        assert searches(name), name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, with_database: Callable[[Path], Path]) -> Path:
    path = with_database(tmp_path_factory.mktemp("coming") / "mlruns").parent
    problem = re.search(r"```python\n(# digits_mlp\.py\n.*?)```", PAGE, re.DOTALL)
    assert problem is not None
    (path / "digits_mlp.py").write_text(problem[1], encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_the_search_here_is_one(
    tool: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for number, words in enumerate(searches(tool)):
        name = f"{tool}-{number}"
        assert main([*shlex.split(f"{words} {CUT_SHORT}"), "--study", name]) == 0
        record = fold(journals.read(folder / "mlruns" / "journals" / f"{name}.jsonl"))
        assert record.header.backend in words
        assert len(record.trials) == 3
        assert record.best() is not None
    assert capsys.readouterr().err == ""

"""The documents say what is so: they are followed, their links lead somewhere, commands parse."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search import Choice, Float, Int, Space
from search.backends import base as backends
from search.backends import grid, registry
from search.cli.parser import parse, parser
from search.export import writer
from search.study.leaderboard import document
from search.study.study_record import fold
from tests.records import whole_life

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "mlruns" / "README.md"])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("0*.md"))
COPIED = ("search", "spaces", "dashboards", "tests", "examples", "pyproject.toml")
FOLLOWED = {
    "adding-a-backend": "examples/halton.py",
    "adding-a-problem": "examples/breast_cancer.py",
}


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def searches(text: str) -> list[str]:
    """Every command line in a text, in backticks or in a block of its own."""
    return re.findall(r"(?:`|^|\$ )python -m search ([^`\n]+)", text, re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the documents work on."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def follow(checkout: Path, page: str) -> str:
    """Write what the page has written, run what it has run, in its order; what that printed."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    test = re.search(r"`(tests/\S+\.py)`, is a subclass", text)
    if test is not None:
        contract = next(block for block in blocks(text, "python") if "Contract" in block)
        (checkout / test[1]).write_text(contract, encoding="utf-8")
    printed = ""
    for commands in blocks(text, "sh"):
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=checkout,
            env={
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(Path.home()),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
    return printed


@pytest.mark.slow
def test_a_backend_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-backend")
    tests = re.search(r"^(\d+) passed", printed, re.MULTILINE)
    assert tests is not None
    assert int(tests[1]) > 20
    assert "best: trial" in printed
    assert "--backend halton" in printed


@pytest.mark.slow
def test_a_problem_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-problem")
    assert re.search(r"^6 passed", printed, re.MULTILINE)
    assert "gain over the baseline" in printed
    assert "breast_cancer-randomized-1: breast_cancer, randomized, seed 0, finished" in printed


@pytest.mark.parametrize(("page", "example"), FOLLOWED.items())
def test_a_page_to_follow_is_short_and_quotes_its_example(page: str, example: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    whole = (ROOT / example).read_text(encoding="utf-8")
    quoted = [block for block in blocks(text, "python") if "Contract" not in block]
    assert quoted
    assert all(block in whole for block in quoted)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_command_lines_parse(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    for line in searches(page.read_text(encoding="utf-8")):
        options = parse(shlex.split(line))
        assert options.command in line


def test_the_example_of_a_settings_file_is_read_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    options = parse(["run", "fashion", "--config", "study.toml", "--trials", "7"])
    assert (options.backend, options.sampler, options.time) == ("optuna", "tpe", 1200.0)
    assert options.set == ["learning_rate=1e-3..1e-1", "layers=1,2"]
    assert options.trials == 7


def test_the_readme_names_every_command_with_an_example() -> None:
    _, commands = parser()
    assert {line.split()[0] for line in searches(README)} == set(commands)


def test_the_readme_names_every_backend_sampler_pruner_and_format() -> None:
    words = [*backends.names(), *writer.FORMATS]
    for name in backends.names():
        words += [*registry.samplers(name), *registry.pruners(name)]
    assert [word for word in words if f"`{word}`" not in README] == []


def test_the_readme_names_every_key_of_the_json_document() -> None:
    record = fold(whole_life())
    shown = next(block for block in blocks(README, "text") if block.startswith('{"study"'))

    def keys(value: Any) -> Iterator[str]:
        for name, inner in value.items():
            yield name
            if name in ("objective", "best", "mlflow"):
                yield from keys({k: v for k, v in inner.items() if k not in ("params", "test")})
            elif name == "trials":
                yield from inner[0]

    found = set(keys(document(record, record.state, None)))
    assert {name for name in found if f'"{name}"' not in shown} == set()


def test_the_space_in_the_readme_can_be_searched() -> None:
    names = {"Space": Space, "Int": Int, "Float": Float, "Choice": Choice}
    space = eval(blocks(README, "python")[0], names)
    assert grid.size(space) > 1


def test_make_has_the_targets_that_the_documents_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem[:4])
def test_a_decision_is_half_a_page_and_in_the_index(page: Path) -> None:
    head, *several = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    index = (page.parent / "README.md").read_text(encoding="utf-8")
    assert f"[{head.splitlines()[0].removeprefix('# ')}]({page.name})" in index
    for text in several or [head]:
        title, *lines = text.strip().splitlines()
        parts = re.findall(r"^\*\*(\w+)\.\*\*", "\n".join(lines), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence", "Rejected"]
        assert len(lines) <= 30
        if several:
            assert f"[{title}]({page.name}#{title[:4]}-" in index

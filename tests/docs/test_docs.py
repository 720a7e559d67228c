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
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
BACKENDS = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
SPACES = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "mlruns" / "README.md"])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("0*.md"))
COPIED = ("search", "spaces", "dashboards", "tests", "docs", "examples", "pyproject.toml")
FOLLOWED = {
    "adding-a-backend": "examples/halton.py",
    "adding-a-problem": "examples/breast_cancer.py",
}
ADDED = ("tests/backends/test_halton.py", "tests/backends/golden/halton.json")  # by who follows


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
    """Do what the page says, in its order, and return what its commands print.

    A Python block whose first line is a path is written there, a diff is applied, commands run.
    """
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    printed = ""
    for kind, block in re.findall(
        r"^```(python|diff|sh)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    ):
        if kind == "sh":
            printed += run(checkout, block)
        elif kind == "diff":
            apply(checkout, block)
        elif path := re.match(r"# (\S+\.py)\n", block):
            (checkout / path[1]).write_text(block[path.end() :], encoding="utf-8")
    return printed


def run(checkout: Path, commands: str) -> str:
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
    return done.stdout


def apply(checkout: Path, diff: str) -> None:
    """Change a file as a diff says: its unchanged lines must be there, once."""
    head, *lines = diff.splitlines()
    path = checkout / head.removeprefix("--- ")
    text = path.read_text(encoding="utf-8")
    for hunk in "\n".join(lines).split("\n@@\n"):
        old = "".join(f"{line[1:]}\n" for line in hunk.split("\n") if line[0] != "+")
        new = "".join(f"{line[1:]}\n" for line in hunk.split("\n") if line[0] != "-")
        assert text.count(old) == 1, f"{path}: {old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def passed(printed: str) -> int:
    tests = re.search(r"^(\d+) passed", printed, re.MULTILINE)
    assert tests is not None, printed
    return int(tests[1])


@pytest.mark.slow
def test_a_backend_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-backend")
    assert passed(printed) > 20
    assert "best: trial" in printed
    assert "--backend halton" in printed


@pytest.mark.slow
def test_a_problem_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-problem")
    assert passed(printed) >= 4
    assert "gain over the baseline" in printed
    assert "breast_cancer-randomized-1: breast_cancer, randomized, seed 0, finished" in printed


@pytest.mark.slow
def test_a_tracker_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-tracker")
    assert passed(printed) > 8
    assert re.search(r"^trial,epoch,val_accuracy\n0,1,0\.\d+\n0,2,0\.\d+$", printed, re.MULTILINE)


@pytest.mark.slow
def test_a_figure_is_added_by_following_the_document(checkout: Path) -> None:
    printed = follow(checkout, "adding-a-figure")
    assert passed(printed) > 8
    page = (checkout / "report.html").read_text(encoding="utf-8")
    assert re.search(r'id="study-\d+-histogram"', page)


@pytest.mark.parametrize(("page", "example"), FOLLOWED.items())
def test_a_guide_quotes_its_example(page: str, example: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    whole = (ROOT / example).read_text(encoding="utf-8")
    quoted = [block for block in blocks(text, "python") if not block.startswith("# ")]
    assert quoted
    assert all(block in whole for block in quoted)


def test_the_readme_is_short_and_its_problem_can_be_built() -> None:
    assert len(README.splitlines()) <= 200
    names: dict[str, Any] = {}
    exec(blocks(README, "python")[0], names)
    problem = names["PROBLEM"]
    data = problem.load(None)
    model = problem.build(problem.baseline)
    assert model(data.train.x[:2]).shape == (2, 10)
    problem.space.check(problem.baseline)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_lines_of_prose_are_short(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    text = re.sub(r"<!-- begin \w+ -->.*?<!-- end \w+ -->", "", text, flags=re.DOTALL)
    if "adr" in page.parts or page.name == "CHANGELOG.md":
        return
    for line in text.splitlines():
        read = re.sub(r"\]\([^)]*\)", "]()", line)  # addresses of links are not read
        assert len(read) <= 120 or line.startswith(("|", "![")), line


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_to_a_heading_lead_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+#[^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            file, _, anchor = target.partition("#")
            other = page.parent / file if file else page
            assert other.suffix != ".md" or anchor in headings(other), target


def test_the_path_of_a_run_names_functions_that_exist() -> None:
    section = ARCHITECTURE.partition("## The path of `run digits`\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\d+\. ", section, re.MULTILINE)) <= 15
    steps = re.findall(r"`(\w+)` in\s+`(search/\S+\.py)`", section)
    assert len(steps) >= 15
    for function, path in steps:
        assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_a_page_names_exist(page: Path) -> None:
    if "adr" in page.parts or page.name == "CHANGELOG.md":
        return
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    for path in re.findall(r"`((?:search|dashboards|spaces|tests)/[\w/.-]+)`", text):
        assert (ROOT / path).exists() or path in ADDED, path


def test_the_package_table_has_every_package() -> None:
    table = ARCHITECTURE.partition("## Packages\n")[2].partition("\n## ")[0]
    for top in ("search", "dashboards"):
        for package in sorted((ROOT / top).glob("*/__init__.py")):
            assert f"`{top}/{package.parent.name}/`" in table, package.parent.name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_command_lines_parse(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(blocks(COMMANDS, "toml")[0], encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    added = re.findall(r'^\+.*add_argument\("(--\w+)"', text, re.MULTILINE)
    for line in searches(text):
        if any(option in line for option in added):
            continue  # of the guide that adds it
        options = parse(shlex.split(line))
        assert options.command in line


def test_the_example_of_a_settings_file_is_read_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(blocks(COMMANDS, "toml")[0], encoding="utf-8")
    options = parse(["run", "fashion", "--config", "study.toml", "--trials", "7"])
    assert (options.backend, options.sampler, options.time) == ("optuna", "tpe", 1200.0)
    assert options.set == ["learning_rate=1e-3..1e-1", "layers=1,2"]
    assert options.trials == 7


def test_every_command_has_an_example() -> None:
    _, commands = parser()
    table = COMMANDS.partition("\n## ")[0]
    assert {line.split()[0] for line in searches(table)} == set(commands)


def test_every_backend_sampler_pruner_and_format_is_documented() -> None:
    assert [word for word in writer.FORMATS if f"`{word}`" not in RESULTS] == []
    words = [*backends.names()]
    for name in backends.names():
        words += [*registry.samplers(name), *registry.pruners(name)]
    assert [word for word in words if f"`{word}`" not in BACKENDS] == []


def test_every_key_of_the_json_document_is_documented() -> None:
    record = fold(whole_life())
    shown = next(block for block in blocks(RESULTS, "text") if block.startswith('{"study"'))

    def keys(value: Any) -> Iterator[str]:
        for name, inner in value.items():
            yield name
            if name in ("objective", "best", "mlflow"):
                yield from keys({k: v for k, v in inner.items() if k not in ("params", "test")})
            elif name == "trials":
                yield from inner[0]

    found = set(keys(document(record, record.state, None)))
    assert {name for name in found if f'"{name}"' not in shown} == set()


def test_the_space_of_the_page_can_be_searched() -> None:
    names = {"Space": Space, "Int": Int, "Float": Float, "Choice": Choice}
    space = eval(blocks(SPACES, "python")[0], names)
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

"""Public texts are in plain technical English: the words of the house style's list are not used.

The texts are checked by area. An area is checked once it is clean: add it to `CHECKED`. What a text
quotes (code, output of the program, names of tests and files, addresses) does not count.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.cli.parser import parser

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").is_file())
CHECKED = ("documents", "help texts", "docstrings", "messages")

# What not to write, and what the field says instead.
FORBIDDEN = {
    r"go(?:es|ing)? on|went on": "continue, resume; of a trial: be promoted",
    r"anew|afresh": "again, start over",
    r"beside": "next to, in addition to; of a condition: with",
    r"stands?|stood": "is, is in, applies; for `x stands for y`: corresponds to, instead of",
    r"lies|lying": "is in, is",
    r"whoever|whatever|whichever|wherever": "the noun: everybody who, any file that",
    r"what came of|come to this": "the outcome, the result",
    r"(?:is|are|was|were|be) told": "gets, receives, is passed",
    r"hand(?:s|ed|ing)? (?:over|out|on)|handed": "pass, allocate, return, final",
    r"(?:of|by) (?:its|their|your|his|the user's|one's) own": "separate, custom, another",
    r"met (?:once|the test)|meets? the test|ever meets": "is evaluated once on the test set",
    r"thereby|thus|hence|whence|thither": "so, therefore",
    r"begun": "started",
    r"befor?ehand": "before",
    r"left behind": "not promoted, pruned",
    r"held to|holds you to|keeps to": "compared with, must have; uses",
    r"two decades": "two orders of magnitude",
    r"taken for": "classified as",
    r"put back": "restored, reverted",
    r"gone on with": "continued",
    r"nobody is there|nobody waits": "say what happens instead",
    r"under way": "running",
    r"crews?|nursery|couriers?|parcels?|the judge|judges|offers|sheets?": "the field's word",
    r"a word of `": "a name shown by",
    r"what there is|what is there": "name the things",
    r"in the field's face|scikit-learn face": "a scikit-learn estimator",
    r"fit to be": "valid",
    r"of the (?:machine|user|platform)'s(?! \w)": "the machine's ..., users' ...",
    r"so long as|in so far as": "if, as far as",
}
PATTERN = re.compile(
    "|".join(rf"(?P<w{n}>\b(?:{words})\b)" for n, words in enumerate(FORBIDDEN)), re.IGNORECASE
)
CODE = re.compile(
    r"^```.*?^```$"  # blocks of code and of output
    r"|<!-- begin \w+ -->.*?<!-- end \w+ -->"  # measured
    r"|``.*?``|`[^`\n]+`"
    r"|\]\([^)]*\)"  # where links lead
    r"|\"[^\"\n]+\""  # quoted output
    r"|https?://\S+",
    re.DOTALL | re.MULTILINE,
)


def violations(text: str) -> list[str]:
    """The words of the list in a text, each with what to write, and the text around it."""
    prose = re.sub(r"\s+", " ", CODE.sub(" ", text))
    found = []
    for match in PATTERN.finditer(prose):
        advice = list(FORBIDDEN.values())[int(str(match.lastgroup)[1:])]
        around = prose[max(0, match.start() - 40) : match.end() + 20]
        found.append(f"{match[0]!r} ({advice}): ... {around} ...")
    return found


def documents() -> Iterator[tuple[str, str]]:
    """README, CONTRIBUTING, the pages of docs."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def help_texts() -> Iterator[tuple[str, str]]:
    """The descriptions of commands and options."""
    _, commands = parser()
    for name, command in commands.items():
        yield name, command.description or ""
        for action in command._actions:
            if action.help not in (None, argparse.SUPPRESS):
                yield f"{name} {action.dest}", str(action.help)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for top in ("search", "dashboards", "spaces"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def docstrings() -> Iterator[tuple[str, str]]:
    """The docstrings of public modules, classes and functions.

    Not those of `spaces`: a resumed study compares the digest of the text of its problem's file.
    """
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for file, tree in sources():
        if file.startswith("spaces/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, kinds) and not getattr(node, "name", "").startswith("_"):
                name = getattr(node, "name", "")
                # examples are code
                yield f"{file} {name}", re.sub(r"(?m)^\s*>>>.*$", "", ast.get_docstring(node) or "")


def messages() -> Iterator[tuple[str, str]]:
    """The texts of exceptions and warnings."""
    for file, tree in sources():
        for node in ast.walk(tree):
            call = node.exc if isinstance(node, ast.Raise) else node
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if isinstance(node, ast.Raise) or name in ("warn", "note", "_say", "say"):
                for text in ast.walk(call):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield f"{file}:{text.lineno}", text.value


AREAS = {
    "documents": documents,
    "help texts": help_texts,
    "docstrings": docstrings,
    "messages": messages,
}


@pytest.mark.parametrize("area", CHECKED)
def test_public_texts_use_the_words_of_the_field(area: str) -> None:
    found = [f"{name}: {one}" for name, text in AREAS[area]() for one in violations(text)]
    assert not found, "\n".join(found)


def test_a_word_of_the_list_is_found_and_code_is_not() -> None:
    assert violations("A study goes on\nanew.")[0].startswith("'goes on' (continue")
    assert len(violations("A study goes on\nanew.")) == 2
    assert violations('`go on`, "what lies there", [x](adr/made-anew.md)\n```\nbeside\n```') == []


@pytest.mark.parametrize("area", AREAS)
def test_every_area_has_texts(area: str) -> None:
    assert sum(1 for _ in AREAS[area]()) > 10


if __name__ == "__main__":  # python -m tests.test_language: what is left to do, by area
    for area, texts in AREAS.items():
        found = [f"{name}: {one}" for name, text in texts() for one in violations(text)]
        print(f"{area}: {len(found)}", *found, sep="\n  ")  # noqa: T201

"""Count the lines of code of folders: docstrings, comments and blank lines are left out.

python benchmarks/code_lines.py search dashboards
"""

import ast
import io
import sys
import tokenize
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(text: str) -> int:
    """Return how many lines of a module hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


def main(folders: list[str]) -> None:
    """Print the count of each folder."""
    for folder in folders:
        files = sorted(Path(folder).rglob("*.py"))
        count = sum(code_lines(path.read_text("utf-8")) for path in files)
        print(f"{folder}: {count:,} lines of code in {len(files)} files")


if __name__ == "__main__":
    main(sys.argv[1:])

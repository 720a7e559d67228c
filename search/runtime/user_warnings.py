"""Warnings as a user sees them: remarks and the warnings of user code, shown once each."""

import sys
import sysconfig
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TextIO

from search.errors import SearchWarning

_PLATFORM = Path(__file__).resolve().parents[1]
_INSTALLED = ("site-packages", "dist-packages")
# A function of the user's that TensorFlow has converted is called from there.
_AUTOGRAPH = str(Path("tensorflow", "python", "autograph"))
_CONVERTED = "__autograph_generated_file"


def install(say: Callable[[str], None]) -> None:
    """Give each remark, and each warning that the user's code raises, to `say`, once each.

    Warnings that libraries raise are dropped, except where they name a line of the platform. A
    warning of the user's code comes with its file and line. This is for processes of the platform;
    elsewhere Python shows warnings as it always does.
    """
    said: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, SearchWarning) or _inside(filename, _PLATFORM):
            text = str(message)
        elif is_users(_caller(sys._getframe(1))):
            text = f"{message}{_place(filename, lineno)}"
        else:
            return
        if text not in said:
            said.add(text)
            say(text)

    warnings.showwarning = show
    # what is shown is decided above: no filter of Python's knows who raised a warning
    warnings.simplefilter("always")


def prefer() -> None:
    """Have remarks shown although a problem file has told Python to ignore all warnings."""
    if warnings.showwarning.__module__ == __name__:
        warnings.filterwarnings("always", category=SearchWarning)


def is_users(filename: str) -> bool:
    """Whether a file belongs to the user: neither to Python, nor installed, nor the platform's.

    >>> is_users("/home/me/mine.py"), is_users(warnings.__file__), is_users(__file__)
    (True, False, False)
    """
    if filename.startswith("<frozen "):
        return False
    path = Path(filename)
    if any(part in _INSTALLED for part in path.parts) or _inside(filename, _PLATFORM):
        return False
    paths = sysconfig.get_paths()
    return not any(_inside(filename, Path(paths[name])) for name in ("stdlib", "platstdlib"))


def _inside(filename: str, folder: Path) -> bool:
    return Path(filename).is_relative_to(folder)


def _caller(frame: FrameType | None) -> str:
    """Return the file whose code raised the warning that is shown."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name != warnings.__file__ and _AUTOGRAPH not in name:
            return name
        frame = frame.f_back
    return "<frozen >"


def _place(filename: str, line: int) -> str:
    if _CONVERTED in filename or not is_users(filename):
        return ""
    return f" ({Path(filename).name}, line {line})"

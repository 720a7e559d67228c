"""Names of problems and studies. They are also file names."""

import re

from search.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: object) -> bool:
    """Return whether a text is a valid name of a problem or study."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def check_name(kind: str, name: str) -> None:
    """Check that a name can be a file name, and needs no quotes on the command line.

    Raises:
        UsageError: It is invalid.
    """
    if not is_name(name):
        raise UsageError(
            f"{name!r} is not a valid {kind} name. Use at most 100 letters, digits, '.', '_' and "
            "'-', beginning with a letter or digit."
        )

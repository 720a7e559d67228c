"""Names of problems and studies, which are file names too."""

import re

from search.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: object) -> bool:
    """Whether a text can be the name of a problem or study."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def check_name(kind: str, name: str) -> None:
    """A name can be that of a file, and stands in a command line without quotes.

    Raises: UsageError for one that cannot.
    """
    if not is_name(name):
        raise UsageError(
            f"{kind} name must be letters, digits, '.', '_' and '-', 100 at most and a letter or "
            f"digit first, got {name!r}; rename it"
        )

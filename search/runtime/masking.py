"""Passwords in addresses, masked before anything is printed, logged or recorded."""

import os
import re
from urllib.parse import unquote

from search.runtime.environment import Environment

# a slash ends the part with the password: `http://host:5000/a@b` has none
_IN_ADDRESS = re.compile(r"(?P<head>\b[a-zA-Z][\w+.-]*://[^\s/:@]*):(?P<word>[^\s/]+)@")
_IN_VARIABLE = re.compile(r"^[^:]*://[^/:@]*:(?P<word>.+)@")  # written with a slash all the same
_IN_QUERY = re.compile(
    r"(?i)(?P<name>[?&;](?:[\w-]*(?:password|passwd|pwd|token|secret)|(?:api|access)[_-]?key)=)"
    r"[^&\s'\"]+"
)
MASK = "***"


def masked(text: str) -> str:
    """Return a text without the passwords of the addresses in it, and without MLflow's own.

    >>> masked("postgresql://me:se@cret@host/db: no driver")
    'postgresql://me:***@host/db: no driver'
    >>> masked("mysql://host/db?user=me&password=secret")
    'mysql://host/db?user=me&password=***'
    """
    for word in _known():
        text = text.replace(word, MASK)
    text = _IN_ADDRESS.sub(rf"\g<head>:{MASK}@", text)
    return _IN_QUERY.sub(rf"\g<name>{MASK}", text)


def _known() -> set[str]:
    """The secrets that this process was given, as they are written and decoded."""
    environment = Environment.read(os.environ)
    words = set(environment.tracking_secrets)
    found = _IN_VARIABLE.match(environment.tracking_uri or "")
    if found is not None:
        words |= {found["word"], unquote(found["word"])}
    # a very short one would be replaced in the middle of ordinary words
    return {word for word in words if len(word) >= 4}

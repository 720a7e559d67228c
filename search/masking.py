"""Passwords in addresses, masked before anything is printed, logged or recorded."""

import os
import re
from urllib.parse import unquote

from search.config import Environment

_IN_ADDRESS = re.compile(r"(?P<scheme>\b[a-zA-Z][\w+.-]*://)(?P<user>[^\s/:@]*):(?P<word>\S+)@")
_IN_QUERY = re.compile(
    r"(?i)(?P<name>[?&;](?:[\w-]*(?:password|passwd|pwd|token|secret|key))=)[^&\s'\"]+"
)
MASK = "***"


def masked(text: str) -> str:
    """Return a text without the passwords of the addresses in it, and without MLflow's own.

    >>> masked("postgresql://me:se@cret@host/db: no driver")
    'postgresql://me:***@host/db: no driver'
    >>> masked("mysql://host/db?user=me&password=secret")
    'mysql://host/db?user=me&password=***'
    """
    text = _IN_ADDRESS.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    text = _IN_QUERY.sub(rf"\g<name>{MASK}", text)
    for word in _known():
        text = text.replace(word, MASK)
    return text


def _known() -> set[str]:
    """The secrets that this process was given, as they are written and decoded."""
    environment = Environment.read(os.environ)
    words = set(environment.tracking_secrets)
    for match in _IN_ADDRESS.finditer(environment.tracking_uri or ""):
        words |= {match["word"], unquote(match["word"])}
    # a very short one would be replaced in the middle of ordinary words
    return {word for word in words if len(word) >= 4}

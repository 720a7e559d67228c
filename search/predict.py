"""Alias of `search.export.predict`, for one release."""

from search.export.predict import *  # noqa: F403 - an alias has all names

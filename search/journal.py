"""Alias of `search.study.journal`, for one release."""

from search.study.journal import *  # noqa: F403 - an alias has all names

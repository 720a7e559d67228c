"""Alias of `search.study.store`, for one release."""

from search.study.store import *  # noqa: F403 - an alias has all names

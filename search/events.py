"""Alias of `search.study.events`, for one release."""

from search.study.events import *  # noqa: F403 - an alias has all names

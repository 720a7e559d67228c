"""Alias of `search.study.trial`, for one release."""

from search.study.trial import *  # noqa: F403 - an alias has all names

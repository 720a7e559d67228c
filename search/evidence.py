"""Alias of `search.export.evaluation`, for one release."""

from search.export.evaluation import *  # noqa: F403 - an alias has all names

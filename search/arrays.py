"""Alias of `search.data.trees`, for one release."""

from search.data.trees import *  # noqa: F403 - an alias has all names

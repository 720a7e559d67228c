"""Alias of `search.space.parameters`, for one release."""

from search.space.parameters import *  # noqa: F403 - an alias has all names

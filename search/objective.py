"""Alias of `search.problem.objective`, for one release."""

from search.problem.objective import *  # noqa: F403 - an alias has all names

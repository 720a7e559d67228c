"""Alias of `dashboards.analysis.importance`, for one release."""

from dashboards.analysis.importance import *  # noqa: F403 - an alias has all names

"""Alias of `dashboards.tables.evaluation`, for one release."""

from dashboards.tables.evaluation import *  # noqa: F403 - an alias has all names

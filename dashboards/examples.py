"""Alias of `dashboards.diagrams.errors_by_class`, for one release."""

from dashboards.diagrams.errors_by_class import *  # noqa: F403 - an alias has all names

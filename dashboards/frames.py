"""Alias of `dashboards.tables.frames`, for one release."""

from dashboards.tables.frames import *  # noqa: F403 - an alias has all names

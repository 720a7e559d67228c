"""Alias of `dashboards.figures.save`, for one release."""

from dashboards.figures.save import *  # noqa: F403 - an alias has all names

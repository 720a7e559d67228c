"""Alias of `dashboards.diagrams.network`, for one release."""

from dashboards.diagrams.network import *  # noqa: F403 - an alias has all names

"""Alias of `search.kerastuner.hypermodel`, for one release."""

from search.kerastuner.hypermodel import *  # noqa: F403 - an alias has all names

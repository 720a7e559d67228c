"""Alias of `search.study.study_record`, for one release."""

from search.study.study_record import *  # noqa: F403 - an alias has all names

"""The 30 configurations of the regression as a problem of this platform, cut to a few seconds."""

import _tasks

PROBLEM = _tasks.problem(_tasks.task("regression", quick=True))

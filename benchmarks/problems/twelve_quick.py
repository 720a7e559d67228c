"""The twelve Fashion-MNIST configurations as a problem of this platform, cut to a few seconds."""

import _tasks

PROBLEM = _tasks.problem(_tasks.task("twelve", quick=True))

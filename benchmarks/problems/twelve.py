"""The twelve Fashion-MNIST configurations as a problem of this platform."""

import _tasks

PROBLEM = _tasks.problem(_tasks.task("twelve"))

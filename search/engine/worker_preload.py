"""Imports of all workers on a machine, done once in the process that workers are forked from.

TensorFlow takes seconds to import and a few hundred megabytes; forked workers share both. This
module must not start TensorFlow's runtime or a thread, because neither survives a fork. The imports
do not start them.
"""

import gc

from search.runtime import tensorflow_setup

tensorflow_setup.settle()

import keras  # noqa: E402, F401 - after the settings of TensorFlow

import search.engine.worker_setup  # noqa: E402, F401 - all that a worker imports, after TensorFlow as above

gc.freeze()  # a garbage collection would write to shared pages, and so copy them

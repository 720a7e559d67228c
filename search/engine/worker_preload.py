"""What all workers on a machine begin with: imported once, in the process they are forked from.

TensorFlow takes seconds to import and a few hundred megabytes; forked workers share both. Nothing
here may start TensorFlow's runtime or a thread: neither survives a fork. Importing does not.
"""

import gc

from search.runtime import tensorflow_setup

tensorflow_setup.settle()

import keras  # noqa: E402, F401 - TensorFlow must find its settings

import search.engine.worker_setup  # noqa: E402, F401 - all that a worker imports, after TensorFlow as above

gc.freeze()  # a collection would write to every page, and unshare it

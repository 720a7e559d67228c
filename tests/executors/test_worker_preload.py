"""What workers are forked from: loaded, and with nothing started that a fork would break."""

import json
import subprocess
import sys

LOOK = """
import json, os, search.engine.worker_preload
from tensorflow.python.eager import context
child = os.fork()
if child == 0:
    import tensorflow as tf
    good = float(tf.reduce_sum(tf.ones((300, 300)) @ tf.ones((300, 300)))) == 300.0**3
    os._exit(0 if good else 1)
started = context.context()._context_handle is not None
print(json.dumps({"started": started, "child": os.waitpid(child, 0)[1]}))
"""


def test_tensorflow_is_imported_and_not_started_so_that_a_fork_can_use_it():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"started": False, "child": 0}
    assert done.stderr == ""

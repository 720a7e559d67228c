"""Standard output has results only, whatever the user's code prints on it."""

import subprocess
import sys
from pathlib import Path

PRINTS = """
import os, sys
from search.cli.commands.common import out, prints_to_standard_error
print("before")
with prints_to_standard_error():
    print("of mine", flush=True)
    os.write(1, b"bytes\\xff of mine\\n")
    sys.stdout.write("more of mine")
out("the result")
"""


def test_what_the_users_code_prints_is_on_standard_error():
    done = subprocess.run(
        [sys.executable, "-c", PRINTS], cwd=Path(__file__).parent.parent, capture_output=True
    )
    assert done.returncode == 0
    assert done.stdout == b"before\nthe result\n"
    assert done.stderr == b"of mine\nbytes\xff of mine\nmore of mine"

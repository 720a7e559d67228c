"""`python -m search`, and the command `keras-search`."""

import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130


def run() -> int:
    """Run the command line as a process: Ctrl-C at any moment ends it with exit code 130."""

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        os._exit(_INTERRUPTED)  # during the imports: no study has started

    signal.signal(signal.SIGINT, interrupted)
    from search.cli.main import main
    from search.runtime.process_exit import ending_at_once

    try:
        return ending_at_once(main)
    finally:  # all output is written: another Ctrl-C must not change the exit code
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(run())

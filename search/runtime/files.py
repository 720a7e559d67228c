"""Files that appear whole or not at all, also where the process is killed while it writes one."""

import contextlib
import os
import threading
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in the place of an earlier one; a reader sees the old file or the new one.

    Its folder is created where it is missing. A kill may leave a file `.NAME.*.tmp` behind.

    Raises: OSError when it cannot be written; an earlier file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise

"""A disk that is full, and has room again later."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """A folder on a file system of its own, of `size` bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        subprocess.run(words, check=True, capture_output=True)
        self._ballast = folder / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Use up all of it but so many bytes."""
        free = os.statvfs(self.folder)
        rest = free.f_bavail * free.f_frsize - leave
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while rest > 0:
                rest -= file.write(bytes(min(rest, 4096)))

    def make_room(self) -> None:
        """Give back what `fill` has used up."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """Refuse everything that would be written from now on."""
        words = ["mount", "-o", "remount,ro", str(self.folder)]
        subprocess.run(words, check=True, capture_output=True)

    def unmount(self) -> None:
        """Take the file system away, with all that is on it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def can_mount() -> bool:
    """Whether this user may mount file systems here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Disk(Path(folder) / "tried", 4096).unmount()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


@contextlib.contextmanager
def disk(folder: Path, size: int = 64 * 2**20) -> Iterator[Disk]:
    """A disk of its own at this folder, as long as the block lasts."""
    made = Disk(folder, size)
    try:
        yield made
    finally:
        made.unmount()

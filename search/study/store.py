"""Layout of the folder `--store`. No other module knows it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from search.errors import SearchError, unknown_name
from search.runtime.names import check_name, is_name


@dataclass(frozen=True, slots=True)
class Store:
    """Folder of studies (by default `mlruns/`)."""

    root: Path

    @classmethod
    def holding(cls, path: Path) -> "Store | None":
        """The store that a file is in; None where no folder above it holds journals."""
        folders = (folder for folder in path.parents if cls(folder).journals.is_dir())
        return next(map(cls, folders), None)

    @property
    def journals(self) -> Path:
        """The folder of journals, one file per study."""
        return self.root / "journals"

    @property
    def database(self) -> Path:
        """MLflow's SQLite file."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts."""
        return self.root / "artifacts"

    def journal(self, study: str) -> Path:
        """Return the path of a study's journal; it need not exist.

        Raises:
            UsageError: The name is invalid.
        """
        check_name("study", study)
        return self.journals / f"{study}.jsonl"

    def checkpoints(self, study: str) -> Path:
        """Return the folder of a study's checkpoints."""
        return self.root / "checkpoints" / study

    @property
    def exports(self) -> Path:
        """The folder of exported winners, one folder per study."""
        return self.root / "exports"

    def export(self, study: str) -> Path:
        """Return the folder of a study's exported winner."""
        return self.exports / study

    def studies(self) -> list[str]:
        """Return the names of the studies in alphabetical order."""
        return [name for name in self._stems() if is_name(name)]

    def misnamed(self) -> list[str]:
        """Return the names of journals that are not valid study names, in alphabetical order."""
        return [name for name in self._stems() if not is_name(name)]

    def latest_first(self) -> list[str]:
        """Return the names of the studies; the most recently written journal is first."""
        written = []
        for name in self.studies():
            with contextlib.suppress(OSError):  # removed since
                written.append((self.journal(name).stat().st_mtime_ns, name))
        return [name for _, name in sorted(written, reverse=True)]

    def _stems(self) -> list[str]:
        return sorted(path.stem for path in self.journals.glob("*.jsonl"))

    def existing(self, study: str) -> Path:
        """Return the journal of an existing study.

        Raises:
            SearchError: The store has no studies.
            UsageError: The study is unknown; the message has the nearest name.
        """
        if not self.journals.is_dir():
            raise SearchError(
                f"No studies in '{self.root}'. Run a search first, or pass --store DIR."
            )
        if study not in self.studies():
            raise unknown_name("study", study, self.studies())
        return self.journal(study)

    def free_name(self, stem: str) -> str:
        """Return the first unused name of stem-1, stem-2, ..."""
        number = 1
        while self.journal(f"{stem}-{number}").exists():
            number += 1
        return f"{stem}-{number}"

"""Where everything lies under `--store`: the only place that knows the folder's layout."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from search.errors import SearchError, unknown_name
from search.runtime.names import check_name, is_name


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of studies (by default `mlruns/`)."""

    root: Path

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
        """The journal of a study, whether or not there is one.

        Raises: UsageError for a name that could not be a file's.
        """
        check_name("study", study)
        return self.journals / f"{study}.jsonl"

    def checkpoints(self, study: str) -> Path:
        """The folder of a study's checkpoints."""
        return self.root / "checkpoints" / study

    @property
    def exports(self) -> Path:
        """The folder of exported winners, one folder per study."""
        return self.root / "exports"

    def export(self, study: str) -> Path:
        """The folder of a study's exported winner."""
        return self.exports / study

    def studies(self) -> list[str]:
        """The names of the studies, in alphabetical order."""
        return [name for name in self._stems() if is_name(name)]

    def misnamed(self) -> list[str]:
        """The names of journals that cannot be those of studies, in alphabetical order."""
        return [name for name in self._stems() if not is_name(name)]

    def latest_first(self) -> list[str]:
        """The names of the studies, the one whose journal was written last first."""
        written = []
        for name in self.studies():
            with contextlib.suppress(OSError):  # removed since
                written.append((self.journal(name).stat().st_mtime_ns, name))
        return [name for _, name in sorted(written, reverse=True)]

    def _stems(self) -> list[str]:
        return sorted(path.stem for path in self.journals.glob("*.jsonl"))

    def existing(self, study: str) -> Path:
        """The journal of a study that must exist.

        Raises: SearchError when there is no store yet; UsageError for an unknown study, naming the
        nearest.
        """
        if not self.journals.is_dir():
            raise SearchError(
                f"store must hold studies, got none in {self.root}; run a search first, or name "
                "the right folder with --store"
            )
        if study not in self.studies():
            raise unknown_name("study", study, self.studies())
        return self.journal(study)

    def free_name(self, stem: str) -> str:
        """A study name that is not taken: stem-1, stem-2, ..."""
        number = 1
        while self.journal(f"{stem}-{number}").exists():
            number += 1
        return f"{stem}-{number}"

"""What the platform reads from the environment variables of its process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TRACKING_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the platform takes from the environment; this file is the only reader of it."""

    data_dir: Path | None
    tracking_uri: str | None
    visible_gpus: str | None = None
    tracking_secrets: tuple[str, ...] = ()

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """From SEARCH_DATA_DIR and MLFLOW_TRACKING_URI, where empty means unset; and CUDA's own.

        An empty CUDA_VISIBLE_DEVICES means no GPU.
        """
        data_dir = variables.get("SEARCH_DATA_DIR")
        return cls(
            Path(data_dir) if data_dir else None,
            variables.get("MLFLOW_TRACKING_URI") or None,
            variables.get("CUDA_VISIBLE_DEVICES"),
            tuple(variables[name] for name in _TRACKING_SECRETS if variables.get(name)),
        )

"""Layers of the model that an earlier study has exported, to start another from."""

import json
from pathlib import Path
from typing import Any

from search.errors import DataError

ABOUT, MODEL = "export.json", "model.keras"
EXPORTS = Path("mlruns") / "exports"
"""Where studies leave their winners, under the folder that commands are given in."""


def find(problem: str, data_dir: Path | None, usual: Path = EXPORTS) -> Path:
    """The export folder of an earlier study of this problem: the newest one.

    Looked for in `data_dir` first, which may be an export, a folder of exports or a store, and
    only where that has none in `usual`.

    Raises: DataError where there is none.
    """
    given = [] if data_dir is None else [data_dir, data_dir / "exports"]
    single = [] if data_dir is None else [data_dir]
    for folders in ([*single, *_inside(given)], _inside([usual])):
        found = [folder for folder in folders if _of(folder, problem)]
        if found:
            return max(found, key=lambda folder: ((folder / ABOUT).stat().st_mtime_ns, folder))
    places = " or ".join(str(folder) for folder in [*given, usual])
    raise DataError(
        f"the model of an earlier study of {problem} is needed, got none in {places}; run "
        f"`python -m search run {problem}` first, or name its export folder with --data-dir"
    )


def layers(folder: Path) -> dict[str, Any]:
    """The hidden layers of an exported Sequential model, lowest first, as arrays.

    {"study": whose it is, "layers": [{"kernel", "bias", "activation"}, ...]}

    Raises: DataError for a model that cannot be loaded or has no hidden layers.
    """
    import keras
    import numpy as np

    try:
        study = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["study"]
        model = keras.saving.load_model(folder / MODEL, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{folder} must hold an exported model, got {error}; export it again"
        ) from error
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][:-1]
    if not dense:
        raise DataError(f"{folder} must hold a model with hidden layers, got none; name another")
    return {
        "study": np.array(study),
        "layers": [
            {
                "kernel": np.asarray(layer.get_weights()[0]),
                "bias": np.asarray(layer.get_weights()[1]),
                "activation": np.array(keras.activations.serialize(layer.activation)),
            }
            for layer in dense
        ],
    }


def _inside(folders: list[Path]) -> list[Path]:
    return sorted(path.parent for folder in folders for path in folder.glob(f"*/{ABOUT}"))


def _of(folder: Path, problem: str) -> bool:
    try:
        facts = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return bool(facts["problem"] == problem) and (folder / MODEL).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return False

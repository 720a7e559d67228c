"""Imports point down only, one third-party library per adapter, nothing heavy at the top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLAIN = {
    *(
        "arrays",
        "brackets",
        "config",
        "curve",
        "errors",
        "events",
        "leaderboard",
        "narrowing",
        "network",
        "nodes",
        "objective",
        "outcomes",
    ),
    *("parameters", "pace", "problem", "progress", "record", "rules", "seeds", "space", "stopping"),
    *("serialized", "store", "structures", "trial", "trial_record", "units", "wording"),
    *("ceilings", "class_weights", "conditions", "deadline", "declared", "dependence"),
    *("directions", "discovery", "event_checks", "event_json", "failures", "fitness"),
    *("importing", "interrupts", "journal_lines", "lists", "masking", "process_end", "relevance"),
    *("remarks", "scalars", "source", "study_rules", "texts"),
}
OF_ARRAYS = {"search.lists"}  # plain data that make arrays of lists: NumPy is their language
ADAPTERS = ("backends", "executors", "trackers", "training", "datasets")
WIRING = {
    *("carried", "child", "restoring", "results", "wrapped"),
    *("coordinator", "crew", "export", "inputs", "journal", "judge", "machine", "mlflow_ui"),
    *("evidence", "trial_view"),
    *("nursery", "offers", "options"),
    *("data", "frames", "pipelines", "tables"),
    *("hyperfit", "unsupported", "hypermodel", "hyperparameters", "hyperspace"),
    *("journal_lock", "journal_reader", "whole_folder"),
    *("opened", "plans", "predict", "proposer", "recipe", "replay", "setup", "several", "study"),
    *("summary", "fresh_process", "model_check", "retraining", "verification"),
}
STANDARD = sys.stdlib_module_names
FILES = sorted((ROOT / "search").rglob("*.py")) + sorted((ROOT / "spaces").glob("*.py"))
SHOWN = sorted((ROOT / "dashboards").rglob("*.py"))
FIGURES = [*(ROOT / "dashboards" / "figures").glob("*.py"), ROOT / "dashboards" / "importances.py"]
# what pages read beside plain data: journals, and what lies beside an exported winner
READ = {"search.journal", "search.evidence", "search.export"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """The modules a file imports for use; those for type checking only do not count."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {n if is_module(n) else str(node.module) for n in names}
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def tier(module: str) -> int:
    """0 plain data, 1 contracts, 2 adapters, 3 the loop and its wiring, from 4 on the faces."""
    parts = module.split(".")
    if parts[0] == "dashboards" and parts[1:2] in (["live"], ["report"]):
        return 4  # whole pages are for commands
    if parts[0] in ("spaces", "dashboards"):
        return 3
    if len(parts) == 1:
        return 0 if parts[0] == "search" else 9
    if parts[1] in ADAPTERS:
        return 1 if len(parts) == 2 or parts[2] == "base" else 2
    if parts[1] in PLAIN:
        return 0
    if parts[1] in WIRING:
        return 3
    above = {"commands": 4, "cli": 5, "called": 6, "tuning": 7, "estimator": 8, "__main__": 9}
    if parts[1] in above:
        return above[parts[1]]
    raise AssertionError(f"{module} stands in no layer; put it into one in {Path(__file__).name}")


def family(module: str) -> str:
    """Adapter files that belong to one adapter: mlflow, mlflow_runs, ...; a whole for training."""
    parts = module.split(".")
    return "training" if parts[1] == "training" else parts[1] + parts[2].strip("_").split("_")[0]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_down(path):
    module = module_of(path)
    for imported in imports(path):
        if imported.split(".")[0] not in ("search", "spaces", "dashboards") or imported == "search":
            continue
        if tier(module) == tier(imported) == 2:
            assert family(module) == family(imported), f"{module} imports its sibling {imported}"
        else:
            assert tier(imported) <= tier(module), f"{module} imports {imported} above it"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_plain_data_and_contracts_use_the_standard_library_only(path):
    module = module_of(path)
    if tier(module) > 1:
        return
    foreign = {name.split(".")[0] for name in imports(path)} - STANDARD - {"search", "spaces"}
    assert foreign <= ({"numpy"} if module in OF_ARRAYS else set())


@pytest.mark.parametrize("path", SHOWN, ids=module_of)
def test_dashboards_know_plain_data_and_import_libraries_late(path):
    ours = {name for name in imports(path) if name.split(".")[0] in ("search", "spaces")}
    assert {name for name in ours if tier(name) > 0} <= READ
    own = {"search", "dashboards"}
    assert {n.split(".")[0] for n in imports(path, top_only=True)} <= STANDARD | own


@pytest.mark.parametrize("path", FIGURES, ids=module_of)
def test_figures_know_neither_stores_nor_files(path):
    figures = {module_of(figure) for figure in FIGURES}
    plain = {f"search.{name}" for name in ("objective", "parameters", "seeds", "space")}
    found = imports(path)
    assert {n for n in found if n.split(".")[0] in ("search", "dashboards")} <= figures | plain
    assert not {n.split(".")[0] for n in found} & {"os", "io", "pathlib", "tempfile", "datetime"}


ONE_LIBRARY = {  # what an adapter wraps; numpy counts as a language of arrays, scipy as sklearn's
    "backends.grid": {"sklearn"},
    "backends.randomized": {"sklearn", "scipy"},
    "backends.hyperband": {"keras_tuner"},
    "backends.optuna": {"optuna"},
    # threadpoolctl: scikit-learn's, to hold its Gaussian processes to one thread
    "backends.skopt": {"skopt", "threadpoolctl"},
    "backends.bayesian": {"keras_tuner", "threadpoolctl"},
    "executors.dask": {"dask", "distributed"},  # one library in two packages
    "executors.processes": {"psutil"},
    "trackers.console": {"rich"},
    "trackers.mlflow": {"mlflow", "keras"},  # keras: to load the model that is registered
}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_an_adapter_wraps_one_library_and_imports_it_late(path):
    module = module_of(path)
    if tier(module) != 2 or module.startswith(("search.training", "search.datasets")):
        return
    foreign = {name.split(".")[0] for name in imports(path)} - STANDARD - {"search", "numpy"}
    name = module.removeprefix("search.")
    allowed = ONE_LIBRARY.get(name.replace("._", ".").split("_")[0], ONE_LIBRARY.get(name))
    # a new adapter need not be listed above, as long as it keeps to one library
    assert len(foreign) <= 1 if allowed is None else foreign <= allowed
    at_import = {n.split(".")[0] for n in imports(path, top_only=True)} - STANDARD - {"search"}
    assert not at_import, f"{module} imports {at_import} before it is used"


def test_importing_search_is_light():
    code = (
        "import sys, search, search.cli; "
        "heavy = {'tensorflow', 'keras', 'mlflow', 'numpy', 'pandas', 'optuna', 'sklearn', 'rich'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*FILES, *SHOWN], ids=module_of)
def test_environment_and_clocks_are_read_in_one_place(path):
    text = path.read_text()
    module = module_of(path)
    if module not in ("search.seeds",):
        assert "time.time" not in text
        assert "time.monotonic" not in text
        assert "perf_counter" not in text
    if module not in ("search.config", "search.cli", "search.training.process_state"):
        assert "os.getenv" not in text
        assert "environ.get" not in text
        assert "environ[" not in text

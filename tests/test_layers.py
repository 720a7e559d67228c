"""Imports of packages point down, and what is heavy is imported late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The packages from the lowest to the highest: one imports only from those before it.
# Packages of one row do not import each other.
RANKS = (
    ("search.errors", "search.seeds", "search._lazy_imports"),
    ("search.runtime",),
    ("search.space",),
    ("search.data",),
    ("search.problem",),
    ("search.datasets", "search.study"),
    ("search.backends", "search.state"),
    ("search.training",),
    ("search.kerastuner", "search.executors"),
    ("spaces",),
    ("search.export",),
    ("search.trackers", "dashboards"),
    ("search.engine",),
    ("search._child_client",),
    ("search.cli",),
    ("search._child_server",),
    ("search.results",),
    ("search.tuning",),
    ("search._estimator_checks", "search._estimator_models"),
    ("search.estimator",),
    ("search.__main__",),
)
RANK = {package: rank for rank, row in enumerate(RANKS) for package in row}
# The packages of `dashboards`, in the same way.
PARTS = ("tables", "analysis", "figures", "diagrams", "report", "live")
# What records and shows a study works without any library.
PLAIN = ("search.errors", "search.seeds", "search.space", "search.study", "search.runtime")
NUMPY = {"search.runtime.process_state"}  # saves and restores NumPy's generator
STANDARD = sys.stdlib_module_names
FILES = [
    path
    for top in ("search", "dashboards", "spaces")
    for path in sorted((ROOT / top).rglob("*.py"))
]
FIGURES = sorted((ROOT / "dashboards" / "figures").glob("*.py"))
SHOWN = sorted((ROOT / "dashboards").rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_alias(path: Path) -> bool:
    """Whether a file only gives a module its earlier name."""
    return path.read_text().startswith('"""Alias of ')


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Return the modules that a file imports for use; those for type checking do not count."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
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


def ours(path: Path) -> set[str]:
    names = {
        name for name in imports(path) if name.split(".")[0] in ("search", "dashboards", "spaces")
    }
    return names - {"search"}  # its version


def package(module: str) -> str:
    """Return the package of a module that has a rank; an alias has the rank of what it names."""
    if module in ALIASES:
        module = ALIASES[module]
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "search" else parts[0]


PACKAGES = [module_of(path) for path in FILES if path.name == "__init__.py"]
ALIASES = {module_of(path): path.read_text().split("`")[1] for path in FILES if is_alias(path)}
SOURCES = [path for path in FILES if not is_alias(path) and module_of(path) != "search"]


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_down(path):
    own = package(module_of(path))
    for imported in ours(path):
        other = package(imported)
        assert own == other or RANK[other] < RANK[own], f"{own} must not import {imported}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_the_parts_of_the_dashboards_import_downwards(path):
    parts = module_of(path).split(".")
    if parts[0] != "dashboards" or len(parts) == 1:
        return
    below = PARTS[: PARTS.index(parts[1]) + 1]
    for imported in ours(path):
        other = imported.split(".")
        assert other[0] != "dashboards" or other[1] in below, f"{parts[1]} imports {imported}"


def test_no_modules_import_each_other_in_a_circle():
    edges = {module_of(path): ours(path) - {module_of(path)} for path in SOURCES}
    while leaves := {name for name, found in edges.items() if not found & edges.keys()}:
        edges = {name: found for name, found in edges.items() if name not in leaves}
    assert not edges


def test_the_root_of_search_holds_what_users_import():
    root = [path for path in (ROOT / "search").glob("*.py") if not is_alias(path)]
    assert len(root) <= 16


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_plain_packages_use_the_standard_library_only(path):
    module = module_of(path)
    if package(module) not in PLAIN:
        return
    at_import = {name.split(".")[0] for name in imports(path, top_only=True)} - STANDARD
    allowed = {"search", "numpy"} if module in NUMPY else {"search"}
    assert at_import <= allowed


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_imported_without_libraries(name):
    code = (
        f"import sys, {name}; "
        "heavy = {'tensorflow', 'keras', 'mlflow', 'numpy', 'pandas', 'dask', 'distributed', "
        "'optuna', 'sklearn', 'rich'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SHOWN, ids=module_of)
def test_dashboards_import_libraries_late(path):
    at_import = {name.split(".")[0] for name in imports(path, top_only=True)}
    assert at_import <= STANDARD | {"search", "dashboards"}


@pytest.mark.parametrize("path", FIGURES, ids=module_of)
def test_figures_read_neither_stores_nor_clocks(path):
    if module_of(path) == "dashboards.figures.save":
        return
    found = imports(path)
    assert not {name for name in ours(path) if package(name) == "search.export"}
    assert not {name.split(".")[0] for name in found} & {"os", "io", "pathlib", "tempfile"}
    assert "datetime" not in found


ADAPTERS = ("search.backends", "search.executors", "search.trackers")
ONE_LIBRARY = {  # what an adapter wraps; an adapter that is not listed wraps one library at most
    "backends.randomized": {"sklearn", "scipy"},
    # threadpoolctl: scikit-learn's, to hold its Gaussian processes to one thread
    "backends.skopt": {"skopt", "threadpoolctl"},
    "backends.bayesian": {"keras_tuner", "threadpoolctl"},
    "executors.dask": {"dask", "distributed"},  # one library in two packages
    "executors.hardware": {"joblib", "psutil"},
    "trackers.mlflow": {"mlflow", "keras"},  # keras: to load the model that is registered
}


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_an_adapter_wraps_one_library_and_imports_it_late(path):
    module = module_of(path)
    if package(module) not in ADAPTERS:
        return
    foreign = {name.split(".")[0] for name in imports(path)} - STANDARD
    foreign -= {"search", "dashboards", "numpy"}
    name = module.removeprefix("search.")
    allowed = ONE_LIBRARY.get(name.replace("._", ".").split("_")[0], ONE_LIBRARY.get(name))
    assert len(foreign) <= 1 if allowed is None else foreign <= allowed
    at_import = {n.split(".")[0] for n in imports(path, top_only=True)} - STANDARD
    assert at_import <= {"search", "dashboards"}, f"{module} imports {at_import} before it is used"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_environment_and_clocks_are_read_in_one_place(path):
    text, module = path.read_text(), module_of(path)
    if module != "search.runtime.clock":
        assert "time.time(" not in text
        assert "time.monotonic" not in text
        assert "perf_counter" not in text
    if module not in ("search.cli.main", "search.runtime.process_state"):
        assert "os.getenv" not in text
        assert "environ.get" not in text
        assert "environ[" not in text

"""Imports point one way: models <- experiments <- analysis; reading and reporting need no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "experiments", "analysis")
# the commands that read reports call the package above their own, when they are called
LAZY = {
    f"experiments.commands.{name}": {"analysis"}
    for name in ("report", "claims", "claims_shown", "diff")
}
FORBIDDEN = {"models": {"experiments", "analysis"}, "experiments": {"analysis"}, "analysis": set()}
OPEN_TO_ANALYSIS = {
    "experiments.cell",
    "experiments.record",
    "experiments.store",
    "models.errors",
}
NO_TORCH = [
    "experiments",
    "experiments.cell",
    "experiments.record",
    "experiments.store",
    "experiments.cli",
    "experiments.tasks.base",
    "experiments.plans.base",
    "models",
    "models.config",
    "models.cost",
    "models.errors",
    "models.lookup",
    "models.problem",
    "models.recipe",
    "models.registry",
]
HEAVY = {"torch", "pytorch_lightning", "torchmetrics"}


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def all_modules(*folders: str) -> list[str]:
    return [module_name(path) for folder in folders for path in files(folder)]


def imported(path: Path, *, nested: bool = True) -> Iterator[str]:
    """Yield the full name of everything that a file imports; ``nested``: inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


@pytest.mark.parametrize("path", [f for p in PACKAGES for f in files(p)], ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = LAZY.get(module_name(path), set())
    outside = (FORBIDDEN[package] | {"tests"}) - allowed
    assert [name for name in imported(path) if name.partition(".")[0] in outside] == []
    at_import = {name.partition(".")[0] for name in imported(path, nested=False)}
    assert not at_import & allowed, "only when it is called"


@pytest.mark.parametrize("path", files("analysis"), ids=module_name)
def test_analysis_reads_records_alone(path: Path) -> None:
    names = list(imported(path))
    assert [name for name in names if name.partition(".")[0] in HEAVY] == []
    ours = [name for name in names if name.partition(".")[0] in ("models", "experiments")]
    assert [name for name in ours if not within(name, OPEN_TO_ANALYSIS)] == []


def loads_heavy(modules: list[str]) -> str:
    """Import the modules in turn in a new process; return the first that brings in torch."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        f"    found = sorted({HEAVY!r} & set(sys.modules))\n"
        "    if found:\n"
        "        print(name, 'imports', *found)\n"
        "        break\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("folder", ["analysis", "experiments/tasks", "experiments/plans"])
def test_whole_folders_run_without_torch(folder: str) -> None:
    assert loads_heavy(all_modules(folder)) == ""


def test_what_is_light_runs_without_torch() -> None:
    assert loads_heavy(NO_TORCH) == ""


def test_the_probe_sees_torch() -> None:
    assert loads_heavy(["models.problem", "models.base"]).startswith("models.base imports")


def test_every_package_is_installed() -> None:
    """A folder with Python files that pyproject.toml does not list would be missing from a wheel."""
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {module_name(path.parent / "__init__.py") for p in PACKAGES for path in files(p)}
    assert found <= set(listed)

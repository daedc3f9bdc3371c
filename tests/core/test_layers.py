"""Layers and house rules: the core stands alone, its files stay small, and what is public is explained."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_CORE = _ROOT / "include" / "nova_mme"
_MOST_LINES = 300
_MOST_FUNCTION_LINES = 60
_NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core", "tools"}
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_SOURCES = sorted(path for root in ("include", "plugins", "dags") for path in (_ROOT / root).rglob("*.py"))
_CORE_SOURCES = sorted(_CORE.rglob("*.py"))

# Refuses an import of these roots, and then imports every module of the core.
_BLOCKER = """
import importlib, pkgutil, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocker())
import nova_mme
for module in pkgutil.walk_packages(nova_mme.__path__, "nova_mme."):
    importlib.import_module(module.name)
print(*sorted(name for name in sys.modules if name.startswith("nova_mme")))
"""


def _show(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _import_core(*blocked: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKER.format(blocked=set(blocked))],
        env={"PYTHONPATH": str(_ROOT / "include"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_core_imports_without_airflow() -> None:
    """Nor anything of the shell, of local AWS, or of moto: every module of it loads where there is none of them."""
    loaded = _import_core(
        "airflow", "nova_mme_airflow", "nova_mme_command", "nova_mme_local", "moto", "boto3"
    )

    assert len(loaded) == len(_CORE_SOURCES)
    assert all(name == "nova_mme" or name.startswith("nova_mme.") for name in loaded)


def test_the_blocker_blocks() -> None:
    """Or the test above would pass for nothing."""
    with pytest.raises(AssertionError, match="numpy is blocked"):
        _import_core("numpy")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module or ""


def test_the_core_names_no_other_layer() -> None:
    """Not even inside a function, where only a run would find out; `python -m nova_mme` hands over to its shell."""
    others = {"airflow", "nova_mme_airflow", "nova_mme_command", "nova_mme_local", "moto", "boto3"}
    named = {
        f"{_show(path)}: {name}"
        for path in _CORE_SOURCES
        if path.name != "__main__.py"
        for name in _imports(_parse(path))
        if name.partition(".")[0] in others
    }

    assert named == set()


def test_a_file_fits_in_the_head() -> None:
    """No file over 300 lines, tests included."""
    files = [*_SOURCES, *(_ROOT / "tests" / "core").glob("*.py")]
    lengths = {_show(path): len(path.read_text().splitlines()) for path in files}

    assert {name: length for name, length in lengths.items() if length > _MOST_LINES} == {}


def test_a_module_is_a_noun_of_the_domain() -> None:
    """Not a drawer for odds and ends."""
    assert [_show(path) for path in _SOURCES if path.stem in _NAMES_THAT_SAY_NOTHING] == []


def test_a_function_fits_on_a_screen() -> None:
    """None over 60 lines; the constructors of operators, which list their parameters, excepted."""
    lengths = {
        f"{_show(path)}: {node.name}": node.end_lineno - node.lineno + 1
        for path in _SOURCES
        for node in ast.walk(_parse(path))
        if isinstance(node, _FUNCTION) and node.end_lineno and node.name != "__init__"
    }

    assert {name: length for name, length in lengths.items() if length > _MOST_FUNCTION_LINES} == {}


def test_what_is_public_is_explained() -> None:
    """Every module, and every public class, function and method of the core, begins with a sentence."""
    silent = []
    for path in _CORE_SOURCES:
        tree = _parse(path)
        nodes = [(path.stem, ast.get_docstring(tree)), *_public(tree)]
        silent += [f"{_show(path)}: {name}" for name, text in nodes if not text or len(text.split()) < 2]

    assert silent == []


def _public(holder: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str | None]]:
    for node in holder.body:
        if isinstance(node, (*_FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def test_the_core_reads_no_environment_and_ends_no_process() -> None:
    """Clients and settings come in as arguments; an error is raised, and the caller decides."""
    names = {
        f"{_show(path)}: {node.value.id}.{node.attr}"
        for path in _CORE_SOURCES
        if path.name != "__main__.py"
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }

    assert {name for name in names if name.endswith((": os.environ", ": os.getenv", ": sys.exit"))} == set()


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 11))

"""plugins.zip: the contents of plugins/ and of include/, side by side, as one importable folder."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

SOURCE_ROOTS = ("plugins", "include")
IGNORE_FILE = ".airflowignore"

# Local AWS, sample media and the demo stay at home, and so does the command line with its named stores: no task runs it.
_NOT_SHIPPED = frozenset({"nova_mme_local", "nova_mme_command", "text_store", "__pycache__"})

# The earliest date that a zip can hold. With it, sorted names and stored (not deflated: zlib's output differs
# between its versions) bytes, the same sources give the same file everywhere.
_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16


class PackagingError(Exception):
    """The project cannot be packaged as it is; the message says why and what to do."""


def collect_plugins(root: Path) -> dict[str, Path]:
    """Name in the zip -> file, sorted by name.

    :raises PackagingError: when a name would clash, or when ``.airflowignore`` is missing.
    """
    files: dict[str, Path] = {}
    for folder in SOURCE_ROOTS:
        for name, path in _shipped_files(root / folder):
            if name in files:
                raise PackagingError(f"{name} is in {files[name].parent} and in {path.parent}. Rename one.")
            files[name] = path
    if IGNORE_FILE not in files:
        raise PackagingError(
            f"plugins/{IGNORE_FILE} is missing: without it Airflow executes every file of the zip under its bare name."
        )
    _refuse_clashes(_top_level_modules(files), [root / folder for folder in SOURCE_ROOTS])
    return dict(sorted(files.items()))


def _shipped_files(folder: Path) -> Iterable[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts) and place.name != IGNORE_FILE
        if path.is_file() and not hidden and not _NOT_SHIPPED.intersection(place.parts):
            yield place.as_posix(), path


def _top_level_modules(names: Iterable[str]) -> set[str]:
    return {name.split("/")[0].removesuffix(".py") for name in names if name.endswith(".py")}


def _refuse_clashes(modules: Iterable[str], ours: Iterable[Path]) -> None:
    """A module of ours must neither hide one of another package, nor be hidden by it.

    plugins/ is appended to ``sys.path``: a name that is found earlier would be imported instead of ours.
    """
    own = {path.resolve() for path in ours}
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() not in own]
    for module in sorted(modules):
        if module in sys.stdlib_module_names:
            raise PackagingError(f"{module} is a module of Python's standard library. Rename ours.")
        spec = PathFinder.find_spec(module, elsewhere)
        if spec is not None and spec.origin is not None:
            raise PackagingError(f"{module} is installed already, in {spec.origin}. Rename ours.")


def write_zip(target: Path, files: Mapping[str, Path]) -> None:
    """Write the files in the mapping's order; the bytes depend on names and contents only."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, wherever it is built: the mode below means something
            entry.external_attr = _REGULAR_FILE
            archive.writestr(entry, path.read_bytes())

"""Package the project for Amazon MWAA: `python -m nova_mme_local.mwaa` writes dist/mwaa.

MWAA takes three things from its bucket: a folder of DAG files, plugins.zip, which it unpacks into a folder that
is on every process's `sys.path`, and requirements.txt (Amazon MWAA user guide, "Installing custom plugins" and
"Installing Python dependencies").
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nova_mme_local.bootstrap import DEFAULT_AIRFLOW
from nova_mme_local.plugins_zip import PackagingError, collect_plugins, write_zip
from nova_mme_local.product_requirements import render_requirements

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Package:
    """What was built.

    :ivar folder: holds ``dags/``, ``plugins.zip`` and ``requirements.txt``.
    :ivar dag_files: names below ``dags/``.
    :ivar plugin_files: names in the zip.
    :ivar sha256: of plugins.zip; the same sources give the same bytes.
    """

    folder: Path
    airflow: str
    dag_files: tuple[str, ...]
    plugin_files: tuple[str, ...]
    sha256: str

    @property
    def plugins(self) -> Path:
        """The zip."""
        return self.folder / "plugins.zip"


def build(out: Path, *, airflow: str = DEFAULT_AIRFLOW, root: Path = ROOT) -> Package:
    """Write the package of the project at ``root`` into ``out``; what an earlier build left there is replaced.

    :raises PackagingError: with the sentence that says what cannot be packaged, before anything is written.
    """
    _refuse_sources(out, root)
    requirements = render_requirements((root / "requirements.txt").read_text(encoding="utf-8"), airflow)
    plugins = collect_plugins(root)
    dags = _dag_files(root / "dags")
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "dags", ignore_errors=True)
    for name, path in dags.items():
        target = out / "dags" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    write_zip(out / "plugins.zip", plugins)
    (out / "requirements.txt").write_text(requirements, encoding="utf-8")
    digest = hashlib.sha256((out / "plugins.zip").read_bytes()).hexdigest()
    return Package(out, airflow, tuple(dags), tuple(plugins), digest)


def _refuse_sources(out: Path, root: Path) -> None:
    """Building replaces ``out/dags``: never where the sources are."""
    target = out.resolve()
    sources = [root / name for name in ("dags", "plugins", "include")]
    if target == root.resolve() or any(target.is_relative_to(source.resolve()) for source in sources):
        raise PackagingError(f"{out} holds the sources. Give --out a folder of its own, such as dist/mwaa.")


def _dag_files(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    if not files:
        raise PackagingError(f"{folder} holds no DAG file.")
    return {path.relative_to(folder).as_posix(): path for path in files}


def describe(package: Package) -> str:
    """What was built, and what to do with it: five commands, BUCKET and ENVIRONMENT to be filled in."""
    folder = package.folder
    size = package.plugins.stat().st_size
    put = "aws s3api put-object --bucket BUCKET --query VersionId --output text"
    return "\n".join(
        [
            f"Built for Airflow {package.airflow} in {folder}:",
            f"  dags/             {len(package.dag_files)} files",
            f"  plugins.zip       {len(package.plugin_files)} files, {size:,} bytes, sha256 {package.sha256[:16]}",
            "  requirements.txt",
            "Next (deploy/mwaa/README.md says more; the environment restarts only for the fourth line):",
            f"  aws s3 sync {folder}/dags s3://BUCKET/dags",
            f"  PLUGINS=$({put} --key plugins.zip --body {package.plugins})",
            f"  REQUIREMENTS=$({put} --key requirements.txt --body {folder}/requirements.txt)",
            "  aws mwaa update-environment --name ENVIRONMENT"
            ' --plugins-s3-path plugins.zip --plugins-s3-object-version "$PLUGINS"'
            ' --requirements-s3-path requirements.txt --requirements-s3-object-version "$REQUIREMENTS"',
            "  # once: set the Airflow Variable nova_mme, then run setup_embeddings",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and tell; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nova_mme_local.mwaa", description=__doc__)
    parser.add_argument(
        "--airflow", default=DEFAULT_AIRFLOW, help="the environment's version (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path("dist/mwaa"), help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        package = build(options.out, airflow=options.airflow)
    except PackagingError as problem:
        print(f"Not packaged: {problem}", file=sys.stderr)
        return 1
    print(describe(package))
    return 0


if __name__ == "__main__":
    sys.exit(main())

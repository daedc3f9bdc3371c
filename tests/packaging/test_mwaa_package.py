"""The MWAA package holds what is to be shipped and nothing else, in the same bytes each time."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nova_mme_local.mwaa import build, describe, main
from nova_mme_local.plugins_zip import PackagingError
from nova_mme_local.product_requirements import render_requirements

REQUIREMENTS = """# Preamble, with a name: flask

# --- the product: what a deployment needs ---
apache-airflow>=3.2.1,<3.4
numpy>=2.3   # with a reason
aiohttp[speedups]>=3 ; python_version > "3"

# --- tests ---
pytest>=9
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project of the same layout."""
    root = tmp_path / "project"
    for name, text in {
        "requirements.txt": REQUIREMENTS,
        "dags/embed.py": "dag = 1\n",
        "dags/__pycache__/embed.cpython-312.pyc": "",
        "plugins/.airflowignore": "*\n",
        "plugins/zebra_plugin.py": "from zebra_shell import graph\n",
        "plugins/zebra_shell/graph.py": "",
        "plugins/zebra_shell/__pycache__/graph.cpython-312.pyc": "",
        "plugins/zebra_shell/static/page.html": "<p>",
        "plugins/.DS_Store": "",
        "include/zebra_core/__init__.py": "",
        "include/zebra_core/.mypy_cache/x.json": "",
        "include/nova_mme_local/mwaa.py": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_zip_is_both_roots_side_by_side(project: Path, tmp_path: Path) -> None:
    """The zip's top level is the contents of plugins/ and include/, with .airflowignore, without caches and demo."""
    package = build(tmp_path / "out", root=project)
    with zipfile.ZipFile(package.plugins) as archive:
        assert archive.namelist() == [
            ".airflowignore",
            "zebra_core/__init__.py",
            "zebra_plugin.py",
            "zebra_shell/graph.py",
            "zebra_shell/static/page.html",
        ]
        assert archive.read("zebra_plugin.py") == b"from zebra_shell import graph\n"
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}
    assert [path.name for path in (package.folder / "dags").rglob("*")] == ["embed.py"]


def test_same_sources_give_the_same_bytes(project: Path, tmp_path: Path) -> None:
    """Neither the time of a file nor where and in what order it was written shows in the zip; its contents do."""
    first = build(tmp_path / "first", root=project)
    copy = shutil.copytree(project, tmp_path / "copy")
    os.utime(copy / "plugins/zebra_plugin.py", (1, 1))
    second = build(tmp_path / "second", root=copy)
    assert second.plugins.read_bytes() == first.plugins.read_bytes()
    (copy / "plugins/zebra_plugin.py").write_text("changed = True\n")
    assert build(tmp_path / "second", root=copy).sha256 != first.sha256


def test_a_second_build_leaves_no_dag_of_the_first(project: Path, tmp_path: Path) -> None:
    """A DAG file that is gone is gone from the package."""
    build(tmp_path / "out", root=project)
    (project / "dags/embed.py").rename(project / "dags/search.py")
    assert build(tmp_path / "out", root=project).dag_files == ("search.py",)
    assert [path.name for path in (tmp_path / "out/dags").iterdir()] == ["search.py"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda root: (root / "plugins/json").mkdir() or (root / "plugins/json/x.py").touch(),
            "standard library",
        ),
        (lambda root: (root / "include/numpy.py").touch(), "numpy is installed already, in .*numpy"),
        (
            lambda root: (root / "include/zebra_plugin.py").touch(),
            "zebra_plugin.py is in .*plugins and in .*include",
        ),
        (lambda root: (root / "plugins/.airflowignore").unlink(), "plugins/.airflowignore is missing"),
        (lambda root: (root / "dags/embed.py").unlink(), "holds no DAG file"),
    ],
    ids=["stdlib", "installed", "twice", "no-airflowignore", "no-dags"],
)
def test_what_cannot_be_shipped_is_refused(
    project: Path, tmp_path: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    """A name that would hide another module, or be hidden, is a sentence, and nothing is written."""
    spoil(project)
    with pytest.raises(PackagingError, match=sentence):
        build(tmp_path / "out", root=project)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [".", "dags", "plugins/deep", "include"])
def test_sources_are_not_overwritten(project: Path, place: str) -> None:
    """Building into the sources would delete the DAG files: refused."""
    with pytest.raises(PackagingError, match="holds the sources"):
        build(project / place, root=project)
    assert (project / "dags/embed.py").exists()


def test_requirements_are_the_products_own() -> None:
    """The first section's lines as they are, less Airflow and comments, below the constraint of that version."""
    assert render_requirements(REQUIREMENTS, "3.2.1").splitlines() == [
        '--constraint "https://raw.githubusercontent.com/apache/airflow/constraints-3.2.1/constraints-3.12.txt"',
        "numpy>=2.3",
        'aiohttp[speedups]>=3 ; python_version > "3"',
    ]


@pytest.mark.parametrize(
    ("text", "airflow", "sentence"),
    [
        (REQUIREMENTS, "2.10.3", "Airflow 2.10.3 is not among .*3.2.1"),
        (REQUIREMENTS, "newest", "--airflow newest is no version"),
        ("numpy>=2\n", "3.3.1", "no section"),
        ("# --- the product\nnumpy>>2\n", "3.3.1", "requirements.txt: .*numpy>>2"),
    ],
)
def test_requirements_that_cannot_be_read_are_refused(text: str, airflow: str, sentence: str) -> None:
    """An Airflow that the project is not made for, or a file of another shape, is a sentence."""
    with pytest.raises(PackagingError, match=re.compile(sentence, re.DOTALL)):
        render_requirements(text, airflow)


def test_command_builds_the_project_and_says_what_next(
    tmp_path: Path, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real project: every DAG file and both packages, and five commands with the paths that were written."""
    out = tmp_path / "out"
    assert main(["--out", str(out)]) == 0
    said = capsys.readouterr().out
    steps = said.split("\nNext ")[1].splitlines()[1:]
    assert len(steps) == 5
    named = {Path(word.strip("()")) for word in said.split() if word.startswith(str(out))}
    assert all(path.exists() for path in named - {Path(f"{out}:")})
    assert {out / "dags", out / "plugins.zip", out / "requirements.txt"} <= named
    assert {path.name for path in (out / "dags").iterdir()} == {
        path.name for path in (checkout / "dags").glob("*.py")
    }
    with zipfile.ZipFile(out / "plugins.zip") as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {
            ".airflowignore",
            "nova_mme",
            "nova_mme_airflow",
            "nova_mme_plugin.py",
        }
        assert archive.read(".airflowignore") == (checkout / "plugins/.airflowignore").read_bytes()


def test_command_explains_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong version ends with 1 and a sentence on stderr, no traceback."""
    assert main(["--airflow", "2.10.3", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("Not packaged: Airflow 2.10.3 is not among")


def test_readme_shows_the_same_commands(checkout: Path, tmp_path: Path) -> None:
    """deploy/mwaa/README.md updates an environment with the options that the command prints."""
    readme = (checkout / "deploy/mwaa/README.md").read_text(encoding="utf-8")
    printed = describe(build(tmp_path / "out"))
    update = next(line for line in printed.splitlines() if "update-environment" in line)
    for option in re.findall(r'--[a-z0-9-]+(?: "\$[A-Z]+"| [A-Za-z.]+)', update):
        assert option in readme

"""The environment is made by whatever Python there is, brought up to date, repaired, and never taken from a stranger."""

from __future__ import annotations

import ast
import json
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from nova_mme_local import bootstrap

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "include" / "nova_mme_local" / "bootstrap.py"
RUNNING = sys.executable


def write_script(path: Path, body: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@dataclass(frozen=True)
class Checkout:
    """A project directory with the script and a lock of our own; its uv is a stand-in that notes what it is told."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def told(self) -> list[str]:
        """The locks that uv was told to install, oldest first."""
        file = self.root / "told"
        return file.read_text().splitlines() if file.exists() else []

    def pin(self, text: str) -> None:
        (self.root / "deploy" / "locks" / "airflow-3.3.1.txt").write_text(text + "\n")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script as make does, but with this test's Python and a PATH without any other."""
        script = self.root / "include" / "nova_mme_local" / "bootstrap.py"
        return subprocess.run(
            [sys.executable, "-I", "-S", str(script), *arguments],
            cwd=self.root,
            env={"PATH": "/bin", "HOME": str(self.root), "PIP_NO_INDEX": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with a uv that installs nothing, but writes down the lock."""
    made = Checkout(tmp_path / "checkout")
    (made.root / "deploy" / "locks").mkdir(parents=True)
    made.pin("tiny==1")
    script = made.root / "include" / "nova_mme_local" / "bootstrap.py"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    write_script(
        made.root / ".venv-uv" / bootstrap.UV.replace("==", "-") / "bin" / "uv",
        f'[ "$1" = --version ] && echo uv {bootstrap.UV.rpartition("=")[2]} && exit 0\n'
        f'for last; do :; done; cat "$last" >> {made.root}/told; cp {made.venv}/.nova-mme.json {made.root}/meanwhile',
    )
    return made


def test_old_pythons_can_read_it() -> None:
    """It parses as Python 3.6, and evaluates no annotation that 3.6 cannot."""
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    notes = [node.returns for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    notes += [node.annotation for node in ast.walk(tree) if isinstance(node, ast.arg | ast.AnnAssign)]
    modern = [ast.unparse(note) for note in notes if isinstance(note, ast.BinOp | ast.Subscript)]
    assert modern == []
    names = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert "annotations" not in names, "that import is a syntax error before 3.7"


def test_makes_an_environment_from_the_lock(checkout: Checkout) -> None:
    """The first run makes a Python that runs, installs what the lock says, and says so."""
    ran = checkout.run()
    assert ran.returncode == 0, ran.stderr
    assert checkout.told == ["tiny==1"]
    assert "Installing 1 packages" in ran.stdout
    assert subprocess.run([checkout.venv / "bin" / "python", "-c", "pass"]).returncode == 0


def test_does_nothing_when_nothing_changed(checkout: Checkout) -> None:
    """A second run is silent, and needs neither another Python nor uv."""
    checkout.run()
    again = checkout.run(PATH="/nowhere")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.told == ["tiny==1"]


def test_follows_the_lock(checkout: Checkout) -> None:
    """Another lock is installed into the environment that is there."""
    checkout.run()
    mark = checkout.venv / "mark"
    mark.touch()
    checkout.pin("tiny==2")
    assert checkout.run().returncode == 0
    assert checkout.told == ["tiny==1", "tiny==2"]
    assert mark.exists()


def test_repairs_what_was_interrupted(checkout: Checkout) -> None:
    """An environment whose making did not end is made anew, without its leftovers."""
    checkout.run()
    stamp = checkout.venv / ".nova-mme.json"
    stamp.write_text(stamp.read_text().replace("ready", "making"))
    leftover = checkout.venv / "leftover"
    leftover.touch()
    assert checkout.run().returncode == 0
    assert not leftover.exists()
    assert json.loads(stamp.read_text())["state"] == "ready"


def test_is_not_ready_before_all_is_installed(checkout: Checkout) -> None:
    """While packages are installed, an environment is not finished: neither a new one nor one that is renewed."""
    for version in (1, 2):
        checkout.pin(f"tiny=={version}")
        checkout.run()
        assert json.loads((checkout.root / "meanwhile").read_text())["state"] == "making"
        assert json.loads((checkout.venv / ".nova-mme.json").read_text())["state"] == "ready"


def test_says_so_when_nothing_can_be_installed(checkout: Checkout) -> None:
    """Without uv and without an index there is a sentence, no traceback, and no belief that it is finished."""
    write_script(checkout.root / ".venv-uv" / bootstrap.UV.replace("==", "-") / "bin" / "uv", "exit 1")
    checkout.pin("no-such-package==1")
    failed = checkout.run()
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert json.loads((checkout.venv / ".nova-mme.json").read_text())["state"] == "making"


def test_remakes_an_environment_that_was_moved(checkout: Checkout) -> None:
    """Scripts in an environment name its place; elsewhere it is made anew."""
    checkout.run()
    moved = checkout.root / ".venv-moved"
    checkout.venv.rename(moved)
    ran = checkout.run("--venv", str(moved))
    assert "Making" in ran.stdout
    assert json.loads((moved / ".nova-mme.json").read_text())["venv"] == str(moved)


def test_leaves_a_strangers_environment_alone(checkout: Checkout) -> None:
    """A directory that someone else filled is named, and kept as it is."""
    checkout.venv.mkdir()
    theirs = checkout.venv / "pyvenv.cfg"
    theirs.write_text("theirs")
    ran = checkout.run()
    assert ran.returncode == 1
    assert "did not make it" in ran.stderr
    assert theirs.read_text() == "theirs"
    assert checkout.told == []


def test_installs_with_pip_when_there_is_no_uv(checkout: Checkout) -> None:
    """Without uv, pip installs the same lock, and a note says that it takes longer."""
    shutil.rmtree(checkout.root / ".venv-uv")
    wheel = checkout.root / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "VALUE = 42\n")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr(
            "tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.dist-info/RECORD", "tiny.py,,\n")
    checkout.pin(f"tiny @ file://{wheel}")
    ran = checkout.run()
    assert ran.returncode == 0, ran.stderr
    assert "pip" in ran.stdout
    python = checkout.venv / "bin" / "python"
    assert subprocess.check_output([python, "-c", "import tiny; print(tiny.VALUE)"], text=True) == "42\n"


def test_names_the_locks_folder_for_an_unknown_version(checkout: Checkout) -> None:
    """A version without a lock is refused with a sentence."""
    ran = checkout.run("--airflow", "1.10")
    assert ran.returncode == 1
    assert "airflow-1.10.txt" in ran.stderr


class TestInterpreter:
    """Which Python is taken."""

    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A PATH of one directory, empty; the running Python is one that is too old."""
        folder = tmp_path / "bin"
        monkeypatch.setenv("PATH", str(folder))
        old = write_script(tmp_path / "old" / "python3", "echo CPython 3.9.2 -")
        monkeypatch.setattr(sys, "executable", str(old))
        return folder

    def test_prefers_what_mwaa_runs(self, path: Path) -> None:
        """A python3.12 that works goes before all others."""
        write_script(path / "python3.13", "echo CPython 3.13.0 -")
        wanted = write_script(path / "python3.12", "echo CPython 3.12.4 -")
        assert bootstrap.find_interpreter() == (str(wanted), "3.12.4")

    def test_does_not_believe_a_shim(self, path: Path) -> None:
        """A python3.12 that is there and fails is passed over."""
        write_script(path / "python3.12", "echo 'python3.12: command not found' >&2; exit 127")
        wanted = write_script(path / "python3.11", "echo CPython 3.11.9 -")
        assert bootstrap.find_interpreter() == (str(wanted), "3.11.9")

    def test_takes_the_running_python_before_other_names(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The Python that make found is good when it is 3.11 to 3.13."""
        write_script(path / "python3.11", "echo CPython 3.11.9 -")
        running = write_script(tmp_path / "running" / "python3", "echo CPython 3.13.1 -")
        monkeypatch.setattr(sys, "executable", str(running))
        assert bootstrap.find_interpreter() == (str(running), "3.13.1")

    def test_says_what_to_install(self, path: Path) -> None:
        """Without any usable Python, each that was tried is named with its reason, and what to install."""
        write_script(path / "python3.12", "exit 127")
        write_script(path / "python3.11", "echo CPython 3.11.2 ensurepip")
        with pytest.raises(bootstrap.Problem) as caught:
            bootstrap.find_interpreter()
        said = str(caught.value)
        assert "python3.12: is there, but does not run" in said
        assert "CPython 3.9.2" in said
        assert "python3.13: not found" in said
        assert "python3.11: lacks ensurepip (Debian, Ubuntu: sudo apt install python3.11-venv)" in said
        assert "brew install python@3.12" in said

    def test_this_python_passes(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The probe itself works on a real Python: the one that runs the tests."""
        monkeypatch.setattr(sys, "executable", RUNNING)
        assert bootstrap.find_interpreter()[1] == ".".join(map(str, sys.version_info[:3]))


def test_make_without_python_says_what_to_install(tmp_path: Path) -> None:
    """On a machine without any python3, make prints sentences, and no error of a shell."""
    make = shutil.which("make")
    assert make, "the project needs make"
    for name in ("sh", "test", "echo"):
        if real := shutil.which(name):
            (tmp_path / name).symlink_to(real)
    ran = subprocess.run(
        [make, "demo"], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30
    )
    assert ran.returncode != 0
    assert "There is no python3" in ran.stderr
    assert "not found" not in ran.stderr


def test_make_help_names_the_targets() -> None:
    """`make` alone says what there is; every target it names exists."""
    ran = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    named = [line.split()[1].strip(",") for line in ran.stdout.splitlines() if line.startswith("make ")]
    assert {"demo", "test", "up", "down", "clean", "test-matrix", "lint"} <= set(named)
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
    defined = {name for target in targets for name in target.split()}
    assert set(named) <= defined

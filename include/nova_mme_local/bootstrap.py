"""Makes the project's Python environment from a lock: `python3 include/nova_mme_local/bootstrap.py`.

Whatever `python3` a machine has runs this file, so it keeps to Python 3.6: an old one finds a newer one, or says
what to install, instead of dying of a syntax error. Imports are few and late: most runs have nothing to do.
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_AIRFLOW = "3.3.1"
UV = "uv==0.13.8"
# Amazon MWAA runs Airflow on 3.12; every lock is good for 3.11 and 3.13 too.
SUPPORTED = ((3, 11), (3, 12), (3, 13))
NEEDED_MODULES = ("venv", "ensurepip", "ssl", "sqlite3")

# Says on one line, on any Python 3: implementation, version, and which of the modules named as arguments it lacks.
_PROBE = """
import platform, sys
lacking = []
for name in sys.argv[1:]:
    try: __import__(name)
    except ImportError: lacking.append(name)
print(platform.python_implementation(), platform.python_version(), ",".join(lacking) or "-")
"""

_WHAT_TO_INSTALL = """\
No Python of this machine can run this project. It needs Python 3.12 (3.11 and 3.13 work too) with the modules
venv, ensurepip, ssl and sqlite3. Install one, then run this again:
  Debian, Ubuntu   sudo apt install python3 python3-venv
  Fedora           sudo dnf install python3.12
  macOS            brew install python@3.12
  with pyenv       pyenv install 3.12 && pyenv local 3.12
Tried:"""


class Problem(Exception):
    """What keeps the environment from being made, as sentences for a person."""


class Stamp:
    """What an environment was made from, kept inside it; its state is `making` while it is not finished."""

    def __init__(self, venv: str) -> None:
        self._venv = os.path.abspath(venv)
        self.path = os.path.join(venv, ".nova-mme.json")

    def read(self) -> "dict[str, str]":
        """Return what was noted last; empty when there is nothing, or nothing readable."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return dict(json.load(file))
        except (OSError, ValueError):
            return {}

    def write(self, state: str, lock: str, python: str) -> None:
        """Note the state (`making` or `ready`), the lock's hash and the interpreter."""
        noted = {"state": state, "lock": _hash(lock), "python": python, "venv": self._venv}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(noted, file)

    def is_usable(self) -> bool:
        """Whether the environment was finished, from whatever lock, in this place, and its Python still exists."""
        noted = self.read()
        pythons = (os.path.join(self._venv, "bin", "python"), noted.get("python", ""))
        is_finished = noted.get("state") == "ready" and noted.get("venv") == self._venv
        return is_finished and all(map(os.path.exists, pythons))

    def is_ready(self, lock: str) -> bool:
        """Whether nothing is left to do for this lock."""
        return self.is_usable() and self.read().get("lock") == _hash(lock)


def main(arguments: "list[str]") -> int:
    """Make the environment unless it is there; return the exit code."""
    options = _read_options(arguments)
    try:
        make_environment(
            options.venv, os.path.join(ROOT, "deploy", "locks", f"airflow-{options.airflow}.txt")
        )
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nStopped. {_show(options.venv)} is not finished; the next run makes it anew.", file=sys.stderr
        )
        return 130
    return 0


def make_environment(venv: str, lock: str) -> None:
    """Bring the environment `venv` to what the file `lock` pins; nothing happens when it is there already.

    Raises Problem.
    """
    if not os.path.exists(lock):
        raise Problem(f"There is no {_show(lock)}; that folder has one lock for each version of Airflow.")
    if Stamp(venv).is_ready(lock):
        return
    import fcntl

    with open(__file__, "rb") as one_at_a_time:  # such as `make demo` beside `make test`
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not Stamp(venv).is_ready(lock):
            _make(venv, lock)


def _make(venv: str, lock: str) -> None:
    import time

    started = time.time()
    stamp = Stamp(venv)
    if stamp.is_usable():
        python = stamp.read()["python"]
        stamp.write("making", lock, python)
    else:
        python, version = find_interpreter()
        print(f"Making {_show(venv)} with Python {version} ({python})", flush=True)
        _clear(venv)
        stamp.write("making", lock, python)
        _make_venv(python, ["--without-pip", venv])
    _install(python, venv, lock)
    stamp.write("ready", lock, python)
    print(f"{_show(venv)} is ready ({time.time() - started:.0f} s).", flush=True)


def _clear(venv: str) -> None:
    """Make an empty directory of it. What another tool or a person made is not ours to remove."""
    import shutil

    if os.path.isdir(venv) and os.listdir(venv) and not os.path.exists(Stamp(venv).path):
        raise Problem(
            f"{_show(venv)} exists, and this project did not make it. "
            f"Remove it (rm -r {_show(venv)}), then run this again."
        )
    try:
        if os.path.isdir(venv):
            shutil.rmtree(venv)
        os.makedirs(venv)
    except OSError as error:
        raise Problem(f"{_show(venv)} cannot be made: {error}") from error


def _make_venv(python: str, arguments: "list[str]") -> None:
    import subprocess

    if subprocess.call([python, "-m", "venv", *arguments]) != 0:
        raise Problem(f"The environment could not be made; what {python} -m venv said is above.")


def find_interpreter() -> "tuple[str, str]":
    """Return the path and version of the best Python of this machine.

    Each is run before it is believed: a version manager's shim may exist and fail. Raises Problem, naming what was
    tried and why it would not do.
    """
    import shutil

    tried = []
    for name in ("python3.12", sys.executable, "python3.13", "python3.11"):
        path = shutil.which(name)
        version, why_not = _probe(path) if path else ("", "not found")
        if path and not why_not:
            return path, version
        tried.append(f"  {name}: {why_not}")
    raise Problem("\n".join([_WHAT_TO_INSTALL, *tried]))


def _probe(path: str) -> "tuple[str, str]":
    """Return an interpreter's version, and why it will not do (empty when it will)."""
    import subprocess

    try:
        probe = [path, "-c", _PROBE, *NEEDED_MODULES]
        answer = subprocess.check_output(probe, stderr=subprocess.DEVNULL, timeout=60)
        kind, version, lacking = answer.decode().split()
        release = tuple(int(part) for part in version.split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return "", "is there, but does not run (a version manager's placeholder?)"
    if kind != "CPython" or release not in SUPPORTED:
        return version, f"is {kind} {version}"
    if "ensurepip" in lacking:
        return version, f"lacks ensurepip (Debian, Ubuntu: sudo apt install python3.{release[1]}-venv)"
    return version, "" if lacking == "-" else f"lacks {lacking}"


def _install(python: str, venv: str, lock: str) -> None:
    """Install exactly what the lock says: by uv in seconds, else by pip in minutes."""
    with open(lock, encoding="utf-8") as file:
        what = f"Installing {sum(1 for line in file if line[:1].isalnum())} packages"
    target = os.path.join(venv, "bin", "python")
    uv = _get_uv(python)
    # Compiled here by all cores, the modules need not be compiled by four Airflow processes at their first start:
    # 13 s here save 11 s there on two cores, and later imports are quick at once.
    sync = ["pip", "sync", "--quiet", "--compile-bytecode", "--python", target, lock]
    if uv and _run([uv, *sync], what, _adopt_pip_settings(python)) == 0:
        return
    print("uv could not be used; with pip it takes a few minutes longer.", flush=True)
    _make_venv(python, ["--clear", venv])
    Stamp(venv).write("making", lock, python)
    pip = [target, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", lock]
    if _run(pip, what, dict(os.environ)) != 0:
        raise Problem(
            f"The packages of {_show(lock)} could not be installed; what went wrong is above. "
            "Is the package index reachable? The address of a mirror goes into PIP_INDEX_URL."
        )


def _get_uv(python: str) -> "str | None":
    """Return the pinned uv, which pip installs beside the environments; None when it cannot be had."""
    import shutil
    import subprocess

    home = os.path.join(ROOT, ".venv-uv", UV.replace("==", "-"))
    path = os.path.join(home, "bin", "uv")
    if _is_uv(path):
        return path
    shutil.rmtree(home, ignore_errors=True)
    pip, target = [python, "-m", "pip"], ["--target", home]
    # The interpreter's own pip saves the seconds that making another one takes; not every Python has one.
    if subprocess.call([*pip, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) != 0:
        _make_venv(python, [home])
        pip, target = [os.path.join(home, "bin", "python"), "-m", "pip"], []
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    subprocess.call([*pip, "install", "-q", "--disable-pip-version-check", *target, UV], env=environment)
    return path if _is_uv(path) else None


def _is_uv(path: str) -> bool:
    import subprocess

    try:
        version = subprocess.check_output([path, "--version"], stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.SubprocessError):
        return False
    return UV.rpartition("=")[2] in version


def _adopt_pip_settings(python: str) -> "dict[str, str]":
    """Return the environment for uv, with the mirror and the certificates that pip is set to use."""
    import subprocess

    environment = dict(os.environ)
    try:
        answer = subprocess.check_output([python, "-m", "pip", "config", "list"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return environment
    for name, _, value in (line.partition("=") for line in answer.decode(errors="replace").splitlines()):
        variable = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}.get(name.rpartition(".")[2])
        if variable:
            environment.setdefault(variable, value.strip("'\""))
    return environment


def _run(command: "list[str]", what: str, environment: "dict[str, str]") -> int:
    """Run a command and return its exit code; meanwhile a terminal sees the seconds go by."""
    import subprocess
    import time

    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # imports would be three times slower ever after
    live = sys.stdout.isatty()
    print(what, end=" ..." if live else " ...\n", flush=True)
    started = time.time()
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None:
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if live:
                    print(f"\r{what} ... {time.time() - started:.0f} s", end="", flush=True)
    print(end="\n" if live else "", flush=True)
    return process.returncode


def _hash(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _show(path: str) -> str:
    """Shorten a path below the current directory."""
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def _read_options(arguments: "list[str]"):
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--airflow", default=DEFAULT_AIRFLOW, help="Airflow's version (default: %(default)s)")
    parser.add_argument("--venv", default=os.path.join(ROOT, ".venv"), help="where (default: .venv)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The whole local stack, Airflow and local AWS, as one thing to start, look at and stop."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from nova_mme_local.airflow_api import AirflowApi
from nova_mme_local.airflow_settings import ROOT, AirflowSettings
from nova_mme_local.interrupts import hold_interrupts
from nova_mme_local.keys import Keys
from nova_mme_local.launch import API_SERVER, DAG_PROCESSOR, NAMES, SCHEDULER, TRIGGERER, Launch, read_health
from nova_mme_local.metadata_database import MetadataDatabase
from nova_mme_local.ports import HOST, find_free_port, is_busy
from nova_mme_local.processes import stop
from nova_mme_local.stackerror import StackError
from nova_mme_local.stackfile import Component, Note
from nova_mme_local.uploads import Uploads

HOME = ROOT / ".local"


def _ignore(state: dict[str, bool]) -> None:
    """Report nothing."""


class Stack:
    """Airflow and local AWS below one directory: `with Stack(tmp_path) as stack: stack.api.trigger("embed_text")`.

    Port 0 takes a free one. `job_seconds` is how long local AWS takes over a Bedrock job. `extra_env` goes to all
    processes and before the stack's own settings. With `watch_uploads` there are buckets, and a file that is copied
    into the one for media is embedded; without, the DAGs wait to be triggered.
    """

    def __init__(
        self,
        home: Path = HOME,
        *,
        airflow_port: int = 0,
        local_aws_port: int = 0,
        dags_folder: Path = ROOT / "dags",
        plugins_folder: Path = ROOT / "plugins",
        extra_env: Mapping[str, str] | None = None,
        job_seconds: float = 6.0,
        watch_uploads: bool = False,
    ) -> None:
        self.home = Path(home).resolve()
        self._ports = (airflow_port, local_aws_port)
        self._folders = (Path(dags_folder).resolve(), Path(plugins_folder).resolve())
        self._extra = dict(extra_env or {})
        self._job_seconds = job_seconds
        self.watch_uploads = watch_uploads
        self._launch: Launch | None = None
        self._note = Note.read(self._file)

    @property
    def airflow_url(self) -> str:
        """Where Airflow's API and UI are."""
        return f"http://{HOST}:{self._running.airflow_port}"

    @property
    def aws_url(self) -> str:
        """Where local AWS is."""
        return f"http://{HOST}:{self._running.local_aws_port}"

    @property
    def api(self) -> AirflowApi:
        """A client of Airflow."""
        return AirflowApi(self.airflow_url)

    @property
    def logs(self) -> Path:
        """Where the processes' own logs are; those of tasks are below `task_logs`."""
        return self.home / "logs"

    @property
    def task_logs(self) -> Path:
        """Where Airflow writes the logs of tasks."""
        return self._airflow_home / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """What the stack's processes run in, for an `airflow` command or a script beside them."""
        return self._settings(self._running).environment(Keys.keep(self.home / "keys.json"))

    def is_running(self) -> bool:
        """Whether every process of the stack runs."""
        self._note = Note.read(self._file)
        return self._note is not None and len(self._note.components) == len(NAMES) and not self._note.dead()

    def health(self) -> dict[str, bool]:
        """Return whether each component is healthy; empty when nothing was started."""
        self._note = Note.read(self._file)
        return read_health(self.api, self.aws_url) if self._note else {}

    def dead(self) -> list[Component]:
        """Return the components whose process has ended, though nobody stopped it."""
        note = Note.read(self._file)
        return note.dead() if note else []

    def start(self, report: Callable[[dict[str, bool]], None] = _ignore) -> bool:
        """Start what does not run, and return when all of it is healthy; False when all of it ran already.

        Whatever goes wrong, nothing that this call started is left behind.
        :raises StackError: for a port that is in use, a process that ends, or a start that takes too long.
        """
        with self._lock():
            if self.is_running():
                return False
            self._stop()
            note = self._choose_ports()
            try:
                self._start(note, report)
            except BaseException:
                with hold_interrupts():
                    self._stop()
                raise
        return True

    def stop(self) -> bool:
        """End everything that was started; False when there was nothing to end."""
        with self._lock():
            return self._stop()

    @contextmanager
    def hold_uploads(self) -> Iterator[None]:
        """Let what is uploaded within the block wake no DAG: the caller runs them on it.

        Waits for runs that are under way first, as for the sweep of a day when the stack did not run.
        """
        if not self.watch_uploads:
            yield
            return
        with Uploads(self.aws_url).held():
            self.api.await_idle("embed_")
            yield

    def __enter__(self) -> Stack:
        if not self.start():
            raise StackError(f"A stack runs already in {self.home}; it is not this one's to stop.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, note: Note, report: Callable[[dict[str, bool]], None]) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._airflow_home.mkdir(exist_ok=True)
        # Empty, so that Airflow's processes, starting together, do not all write one.
        (self._airflow_home / "airflow.cfg").touch()
        settings = self._settings(note)
        environment = settings.environment(Keys.keep(self.home / "keys.json"))
        database = MetadataDatabase(self._airflow_home, note.airflow_version)
        must_migrate = database.prepare()
        self._note = note
        self._launch = launch = Launch(note, file=self._file, logs=self.logs, environment=environment)
        # The api-server takes by far the longest, and needs the database last.
        launch.start_airflow(API_SERVER)
        launch.start_local_aws(
            port=note.local_aws_port, data=self.home / "aws", job_seconds=self._job_seconds
        )
        if must_migrate:
            launch.migrate()
            database.mark()
        launch.await_local_aws(settings.aws_url)  # before it, the others would only slow the api-server down
        if self.watch_uploads:
            Uploads(settings.aws_url).connect()
        for name in (SCHEDULER, DAG_PROCESSOR, TRIGGERER):
            launch.start_airflow(name)
        launch.await_health(AirflowApi(settings.url), settings.aws_url, report)
        self._note = launch.note

    def _stop(self) -> bool:
        """End Airflow first: what its tasks still write, local AWS still keeps."""
        note = Note.read(self._file)
        if note is None:
            return False
        something = len(note.dead()) < len(note.components)
        aws = [c.process for c in note.components if c.name == NAMES[0]]
        stop([process for process in note.processes if process not in aws])
        stop(aws)
        for child in self._launch.children.values() if self._launch else ():
            child.wait()
        self._file.unlink()
        self._note = self._launch = None
        return something

    @property
    def _file(self) -> Path:
        return self.home / "stack.json"

    @property
    def _airflow_home(self) -> Path:
        return self.home / "airflow"

    @property
    def _running(self) -> Note:
        if self._note is None:
            raise StackError("The stack does not run. Start it: make up")
        return self._note

    def _settings(self, note: Note) -> AirflowSettings:
        dags, plugins = self._folders
        return AirflowSettings(
            home=self._airflow_home,
            port=note.airflow_port,
            aws_url=f"http://{HOST}:{note.local_aws_port}",
            dags_folder=dags,
            plugins_folder=plugins,
            watch_uploads=self.watch_uploads,
            extra=self._extra,
        )

    def _choose_ports(self) -> Note:
        airflow, local_aws = self._ports
        return Note(
            airflow_port=_choose_port(airflow, "Airflow", "AIRFLOW_PORT"),
            local_aws_port=_choose_port(local_aws, "Local AWS", "LOCAL_AWS_PORT"),
            airflow_version=version("apache-airflow-core"),
        )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(
                    "Another command is starting or stopping the stack just now. Try again when it has ended."
                ) from None
            yield


def _choose_port(port: int, what: str, variable: str) -> int:
    if port and is_busy(port):
        raise StackError(
            f"{what} cannot have port {port}: another program uses it. End that program, or choose another port: "
            f"make up {variable}={find_free_port()}"
        )
    return port or find_free_port()

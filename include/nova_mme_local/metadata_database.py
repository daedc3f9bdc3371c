"""Airflow's own database: a SQLite file that knows which version of Airflow it fits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nova_mme_local.stackerror import StackError


@dataclass(frozen=True, slots=True)
class MetadataDatabase:
    """The database below AIRFLOW_HOME, and a note beside it of the Airflow that migrated it last."""

    home: Path
    airflow_version: str

    @property
    def _note(self) -> Path:
        return self.home / "airflow.db.version"

    def prepare(self) -> bool:
        """Return whether it has to be migrated before use; one whose making was interrupted is removed.

        :raises StackError: when a newer Airflow has migrated it.
        """
        try:
            version = self._note.read_text().strip()
        except FileNotFoundError:
            for leftover in self.home.glob("airflow.db*"):
                leftover.unlink()
            return True
        if _as_numbers(version) > _as_numbers(self.airflow_version):
            raise StackError(
                f"The database in {self.home} was made by Airflow {version}, and this is {self.airflow_version}. "
                f"Use that version again (make up AIRFLOW={version}), or begin anew: make down; rm -r {self.home}"
            )
        return version != self.airflow_version

    def mark(self) -> None:
        """Note that it fits this version of Airflow now."""
        self._note.write_text(f"{self.airflow_version}\n")


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())

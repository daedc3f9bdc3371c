"""The note of what a stack has started, from which any later command knows what runs and what to end."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nova_mme_local.processes import Process, read_table


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the stack, by the name that people read."""

    name: str
    process: Process
    log: str


@dataclass(frozen=True, slots=True)
class Note:
    """What runs: ports, Airflow's version, and the processes in the order of their start."""

    airflow_port: int
    local_aws_port: int
    airflow_version: str
    components: tuple[Component, ...] = ()

    @property
    def processes(self) -> list[Process]:
        """The components' processes."""
        return [component.process for component in self.components]

    def with_component(self, component: Component) -> Note:
        """Return the note with one process more."""
        return replace(self, components=(*self.components, component))

    def without(self, name: str) -> Note:
        """Return the note without the component of this name."""
        return replace(self, components=tuple(c for c in self.components if c.name != name))

    def dead(self) -> list[Component]:
        """Return the components whose process has ended."""
        table = read_table()
        return [component for component in self.components if not component.process.is_in(table)]

    def write(self, path: Path) -> None:
        """Keep the note; a reader sees the old or the new one, never half of it."""
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=1))
        os.replace(new, path)

    @classmethod
    def read(cls, path: Path) -> Note | None:
        """Return the note that was kept; None when there is none, or none of this project's."""
        try:
            fields = json.loads(path.read_text())
            components = tuple(
                Component(item["name"], Process(**item["process"]), item["log"])
                for item in fields.pop("components")
            )
            return cls(**fields, components=components)
        except (OSError, ValueError, KeyError, TypeError):
            return None

"""The web application over a local AWS, asked as a browser would, with a stand-in for Airflow's sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.deployment import Deployment
from fastapi.testclient import TestClient

from nova_mme_airflow.web.application import make_app
from nova_mme_airflow.web.deployment import Deployments


@dataclass
class Site:
    """The application and the deployment that it serves."""

    deployment: Deployment
    client: TestClient

    @classmethod
    def open(cls, deployment: Deployment) -> Site:
        """Everybody may do everything; a change of the settings counts at once."""
        app = make_app(Deployments(0.0).open, may_read=lambda: None, may_run=lambda: None)
        return cls(deployment, TestClient(app, raise_server_exceptions=False))

    def post(self, path: str, **body: Any) -> Any:
        """A POST of JSON, which has to be answered well; returns what was answered."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        """The same for a GET."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refuse(self, path: str, **body: Any) -> tuple[int, str]:
        """Status and sentence of a POST that is refused."""
        answer = self.client.post(path, json=body)
        return answer.status_code, answer.json()["detail"]

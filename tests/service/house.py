"""A service in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi.testclient import TestClient

from windowclf.service.app import create_app
from windowclf.service.home import Home
from windowclf.service.runner import Runner
from windowclf.service.serving import Service


class House:
    """A service whose jobs wait until `runner.start`, and clients by role."""

    def __init__(self, folder: Path, **how: object):
        self.home = Home(folder)
        self.runner = Runner(self.home)
        self.service = Service(self.home, self.runner, **how)  # type: ignore[arg-type]
        self.app = create_app(self.service)
        self.token = self.home.token_path.read_text().strip()

    def client(self, token: str | None = None, **how: object) -> TestClient:
        found = TestClient(self.app, base_url="http://localhost", **how)  # type: ignore[arg-type]
        found.headers["Authorization"] = f"Bearer {token or self.token}"
        return found

    def close(self) -> None:
        self.service.draining = asyncio.Event()
        self.runner.stop()
        self.home.close()

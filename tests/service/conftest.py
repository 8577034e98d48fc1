"""A service in this process, and one in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="pip install 'windowclf[serve]'")

from fastapi.testclient import TestClient

from windowclf.service import database
from windowclf.service.app import create_app
from windowclf.service.home import Home
from windowclf.service.runner import Runner
from windowclf.service.serving import Service


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk_of_a_database():
    """As for all tests; what a commit is worth is tested by kills."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            database, "_PRAGMAS", ("journal_mode = WAL", "synchronous = OFF", "foreign_keys = ON")
        )
        yield


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


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    made = House(tmp_path / "service")
    yield made
    made.close()
